import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Controller, Get, Header } from '@nestjs/common';
import type { Browser, Page } from 'playwright-core';
import type { Logs } from './logs.js';

/** What a room has delivered, or the reason why it did not. */
type Entry = readonly [room: string, offset: number, what: string | { readonly reason: string }];

declare global {
  /** In the page: everything since the first load. */
  var record: Entry[];
  /** Undefined until the script of the page has run. */
  var stateOf: ((room: string) => { state: string; offset: number | undefined }) | undefined;
}

/** Some publications are long. */
const beginning = 20;

const html = `<!doctype html>
<title>a tab</title>
<link rel="icon" href="data:,">
<script type="module">
  import { createClient, rooms } from '/client.js';
  const query = new URLSearchParams(location.search);
  const client = createClient('/?name=' + query.get('name'), {
    rooms: rooms({ storage: sessionStorage }),
    backoff: { firstMs: 20, maxMs: 100 },
  });
  const all = query.getAll('room').map((name) => client.room(name));
  globalThis.stateOf = (name) => {
    const { state, position } = client.room(name);
    return { state, offset: position?.offset };
  };
  // Kept in the same moment as the positions of the client.
  globalThis.record = JSON.parse(sessionStorage.getItem('record') ?? '[]');
  addEventListener('pagehide', () => sessionStorage.setItem('record', JSON.stringify(record)));
  for (const room of all) {
    room.on('said', (data, { offset }) => record.push([room.name, offset, data.slice(0, ${beginning})]));
    room.on('$unrecovered', ({ reason, position }) => record.push([room.name, position.offset, { reason }]));
    room.join();
  }
  client.connect();
</script>
`;

@Controller()
export class TabController {
  @Get('tab')
  @Header('Content-Type', 'text/html')
  page(): string {
    return html;
  }

  @Get('client.js')
  @Header('Content-Type', 'text/javascript')
  client(): string {
    return readFileSync(createRequire(import.meta.url).resolve('@holdfast/client/bundle-rooms'), 'utf8');
  }
}

/** A tab of a real browser, which goes on after each reload where it was. */
export class Tab {
  delivered = 0;
  reloads = 0;
  readonly #reached = new Map<string, number>();
  #reloading: Promise<unknown> | undefined;

  private constructor(
    private readonly page: Page,
    readonly name: string,
    private readonly rooms: readonly string[],
    private readonly logs: Logs,
    private readonly found: (fault: string) => void,
  ) {}

  static async open(
    browser: Browser,
    url: string,
    name: string,
    rooms: readonly string[],
    logs: Logs,
    found: (fault: string) => void,
  ): Promise<Tab> {
    const page = await browser.newPage();
    const tab = new Tab(page, name, rooms, logs, found);
    const query = ['', ...rooms]
      .map((room) => `&room=${encodeURIComponent(room)}`)
      .slice(1)
      .join('');
    await page.goto(`${url}?name=${name}${query}`);
    await page.waitForFunction((names) => names.every((each) => stateOf?.(each).state === 'joined'), [...rooms]);
    for (const room of rooms) tab.#reached.set(room, await tab.#offsetOf(room));
    return tab;
  }

  /** Does not wait until the page is back, and does nothing while it reloads. */
  reload(): void {
    if (this.#reloading) return;
    this.reloads++;
    this.#reloading = this.page.reload().finally(() => (this.#reloading = undefined));
  }

  /** Whether all of its rooms have come as far as their logs. */
  async isUpToDate(): Promise<boolean> {
    await this.#reloading;
    for (const room of this.rooms) if ((await this.#offsetOf(room)) !== this.logs.top(room)) return false;
    return true;
  }

  /** Compares all that it was delivered with the logs. */
  async check(): Promise<void> {
    for (const entry of await this.page.evaluate(() => record)) this.#compare(entry);
    for (const room of this.rooms) {
      const reached = this.#reached.get(room);
      if (reached !== this.logs.top(room)) this.#fault(room, `ends at ${reached}, and not at ${this.logs.top(room)}`);
    }
  }

  async #offsetOf(room: string): Promise<number> {
    return (await this.page.evaluate((name) => stateOf?.(name).offset, room)) ?? 0;
  }

  #compare([room, offset, what]: Entry): void {
    const reached = this.#reached.get(room);
    if (typeof what !== 'string') {
      if (!this.logs.mayMiss(room, reached, offset)) this.#fault(room, `missed what is kept: ${what.reason}`);
    } else {
      this.delivered++;
      if (reached !== undefined && offset !== reached + 1) this.#fault(room, `delivered ${offset} after ${reached}`);
      const published = String(this.logs.dataOf(room, offset)).slice(0, beginning);
      if (what !== published) this.#fault(room, `${offset} is not what was published`);
    }
    this.#reached.set(room, offset);
  }

  #fault(room: string, what: string): void {
    this.found(`${this.name}, ${room}: ${what}`);
  }
}
