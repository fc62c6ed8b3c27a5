import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumArgs, chromiumPath } from './chromium.js';

/**
 * Debian's Chromium, headless, whose tabs can be hidden, frozen and kept in the back/forward cache. When Playwright
 * launches it, no tab ever is: it makes each believe that it has the focus.
 */
export class ChromiumTabs implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly browser: Browser,
    readonly context: BrowserContext,
  ) {}

  static async launch(): Promise<ChromiumTabs> {
    const profile = await mkdtemp(join(tmpdir(), 'holdfast-tabs-'));
    const own = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
    const process = spawn(chromiumPath, [...chromiumArgs, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
    const browser = await chromium.connectOverCDP(await endpointOf(process), { noDefaults: true });
    const [context] = browser.contexts();
    if (!context) throw new Error('Chromium has no window');
    return new ChromiumTabs(process, profile, browser, context);
  }

  /** As the browser does with a tab that was hidden for minutes. Hides it too. */
  freeze(page: Page): Promise<void> {
    return this.#setLifecycle(page, 'frozen');
  }

  /** It stays hidden. */
  thaw(page: Page): Promise<void> {
    return this.#setLifecycle(page, 'active');
  }

  /** Stops all pages, or lets them go on, without their knowledge: as if the machine slept. */
  async signalPages(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const session = await this.browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    for (const { type, id } of processInfo) if (type === 'renderer') process.kill(id, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.process, 'close');
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close');
    await ended;
    await rm(this.profile, { recursive: true });
  }

  async #setLifecycle(page: Page, state: 'frozen' | 'active'): Promise<void> {
    const session = await this.context.newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state });
  }
}

async function endpointOf({ stderr }: ChildProcess): Promise<string> {
  const lines: string[] = [];
  // It is a pipe.
  for await (const line of createInterface(stderr!)) {
    lines.push(line);
    const [, endpoint] = /^DevTools listening on (\S+)/.exec(line) ?? [];
    if (endpoint === undefined) continue;
    // A pipe that nobody reads fills up.
    stderr!.resume();
    return endpoint;
  }
  throw new Error(`Chromium does not start:\n${lines.join('\n')}`);
}
