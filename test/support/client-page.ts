import { setTimeout as delay } from 'node:timers/promises';
import type * as holdfast from '@holdfast/client';
import type { HoldfastClient, StateChange } from '@holdfast/client';
import type { BrowserContext, Page } from 'playwright-core';

/** What the page makes its client of. Whatever is left out has the default of the client. */
export interface PageClientOptions {
  /** Default `/live`. A path or a complete URL. */
  readonly url?: string;
  /** A token, or `from the desk`: the page asks its server whenever one is needed. Default: none. */
  readonly token?: string;
  readonly connectTimeoutMs?: number;
  readonly backoff?: { readonly firstMs?: number; readonly maxMs?: number };
  /** Instead of chance, so that each wait is this part of the longest one. */
  readonly waitShare?: number;
}

/** As the page tells it: an error by its code. */
export type ToldChange = Omit<StateChange, 'error'> & { readonly error?: string };

/** What happened in the page. */
export interface PageEvent {
  readonly event: string;
  readonly data: unknown;
  /** By the clock of the page, which is that of this machine: milliseconds since the Unix epoch. */
  readonly at: number;
}

declare global {
  /** In the page: from the bundle, the one client, and the way to tell the test. */
  var createClient: typeof holdfast.createClient;
  var client: HoldfastClient;
  var tell: (event: string, data: unknown, at: number) => Promise<void>;
  var document: EventTarget & { readonly visibilityState: string };
  var addEventListener: EventTarget['addEventListener'];
}

/** Far beyond what anything here takes on a busy machine. */
const patienceMs = 60_000;

/** A page with a client of its own, that tells what happens without being asked: a frozen page answers no questions. */
export class ClientPage implements AsyncDisposable {
  /** Everything so far. */
  readonly history: PageEvent[] = [];
  /** The frames it sent, as the developer tools of the browser show them. */
  readonly sent: string[] = [];
  #news: PageEvent[] = [];
  #wake: () => void = () => undefined;

  private constructor(readonly page: Page) {}

  /** @param url - of the application that serves the page. */
  static async open(context: BrowserContext, url: string): Promise<ClientPage> {
    const clientPage = new ClientPage(await context.newPage());
    const { page } = clientPage;
    await page.exposeFunction('tell', (event: string, data: unknown, at: number) => {
      clientPage.#hear({ event, data, at });
    });
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => clientPage.sent.push(String(payload)));
    });
    await page.goto(url);
    return clientPage;
  }

  /** Makes the client and begins to connect. When it is open, it says so to the server before all that waits. */
  async connect(options: PageClientOptions = {}): Promise<void> {
    await this.page.evaluate(begin, options);
  }

  /** Takes the next event of this name. */
  async next(event: string): Promise<PageEvent> {
    return this.#take(event, (each) => each.event === event);
  }

  /** Waits until the server's event `news` has come with this text; earlier ones are left out. */
  async hears(news: string): Promise<void> {
    await this.#take(`news "${news}"`, ({ event, data }) => event === 'news' && data === news);
  }

  /** Takes the next change to this state, and leaves out the changes before it. */
  async reached(to: StateChange['to']): Promise<ToldChange & { readonly at: number }> {
    const isIt = ({ event, data }: PageEvent): boolean => event === '$state' && (data as ToldChange).to === to;
    const { data, at } = await this.#take(`state ${to}`, isIt);
    // What the page told above.
    return { ...(data as ToldChange), at };
  }

  /** All changes so far, as `from>to cause`. */
  get changes(): readonly string[] {
    const changes = this.history.filter(({ event }) => event === '$state').map(({ data }) => data as ToldChange);
    return changes.map(({ from, to, cause }) => `${from}>${to} ${cause}`);
  }

  /** How often it asked its server for a sign of life. */
  get probes(): number {
    return this.sent.filter((frame) => frame.startsWith('{"event":"$ping"')).length;
  }

  /** Resolves with the answer, or the code of the error. */
  async request(event: string, data?: unknown): Promise<unknown> {
    return this.page.evaluate(
      ([event, data]) => client.request(event, data).catch((error: unknown) => (error as { code: string }).code),
      [event, data] as const,
    );
  }

  async emit(event: string, ...data: readonly unknown[]): Promise<readonly boolean[]> {
    return this.page.evaluate(([event, data]) => data.map((each) => client.emit(event, each)), [event, data] as const);
  }

  async close(): Promise<void> {
    await this.page.evaluate(() => client.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }

  async #take(what: string, isIt: (event: PageEvent) => boolean): Promise<PageEvent> {
    const patience = new AbortController();
    const late = delay(patienceMs, 'late' as const, { signal: patience.signal });
    late.catch(() => undefined);
    try {
      for (;;) {
        const found = this.#news.findIndex(isIt);
        if (found >= 0) return this.#leaveOut(found);
        const heard = new Promise<void>((resolve) => (this.#wake = resolve));
        if ((await Promise.race([heard, late])) !== 'late') continue;
        throw new Error(`no ${what}; the page told:\n${this.history.map((each) => JSON.stringify(each)).join('\n')}`);
      }
    } finally {
      patience.abort();
    }
  }

  /** What is of another name stays: whether it came before or after is chance. */
  #leaveOut(found: number): PageEvent {
    // It is there.
    const taken = this.#news[found]!;
    this.#news = this.#news.filter(({ event }, index) => index > found || event !== taken.event);
    return taken;
  }

  #hear(event: PageEvent): void {
    this.history.push(event);
    this.#news.push(event);
    this.#wake();
  }
}

/** Runs in the page, where nothing of this file is. */
function begin({ url = '/live', token, waitShare, ...rest }: PageClientOptions): void {
  const fromDesk = async (): Promise<string | undefined> => (await (await fetch('/token')).text()) || undefined;
  const client = createClient(url, {
    // Nothing fails because the machine is busy.
    connectTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    ...rest,
    ...(token === undefined ? {} : { token: token === 'from the desk' ? fromDesk : token }),
    ...(waitShare === undefined ? {} : { ports: { random: { next: () => waitShare } } }),
  });
  globalThis.client = client;
  client.on('$state', ({ error, ...change }) => {
    void tell('$state', { ...change, error: error?.code }, Date.now());
    if (change.to === 'open') client.emit('note', 'here');
  });
  client.on('$drain', (drain) => void tell('$drain', drain, Date.now()));
  client.on('$error', ({ code }) => void tell('$error', code, Date.now()));
  client.on('news', (news) => void tell('news', news, Date.now()));
  for (const event of ['online', 'offline']) {
    addEventListener(event, () => void tell(event, undefined, Date.now()));
  }
  for (const event of ['visibilitychange', 'freeze', 'resume']) {
    document.addEventListener(event, () => void tell(event, document.visibilityState, Date.now()));
  }
  client.connect();
}
