import type { HoldfastTestApp } from '@holdfast/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chatToken, connectionsOf, departuresOf, startChat } from './support/chat.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';

/** What a page keeps of one socket. */
interface PageSocket {
  readonly socket: WebSocket;
  readonly frames: unknown[];
  readonly closed: Promise<{ code: number; reason: string; wasClean: boolean }>;
}

declare global {
  /** In the page. */
  var chat: PageSocket;
}

const describeInBrowser = requires('Chromium', chromiumMissing);

describeInBrowser("the browser's own WebSocket (PROTOCOL 5)", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  /** A page of the application, in a browser profile of its own. */
  async function open(app: HoldfastTestApp): Promise<Page> {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(app.httpUrl());
    return page;
  }

  it('connects with its token as a subprotocol, gets answers by id, and two pages chat', async () => {
    await using app = await startChat();
    const [ada, bob] = [await open(app), await open(app)];
    expect(await connect(ada, app, 'ada')).toBe('holdfast.plain');
    await connect(bob, app, 'bob');

    await say(ada, { event: 'say', data: 'hello <b>', id: 7 });
    const said = { event: 'said', data: { by: 'ada', text: 'hello <b>' } };
    expect(await nextFrame(ada)).toEqual(said);
    expect(await nextFrame(ada)).toEqual({ event: '$reply', id: 7, data: 2 });
    expect(await nextFrame(bob)).toEqual(said);
    await say(bob, { event: 'say', data: 'hello yourself' });
    expect(await nextFrame(ada)).toEqual({ event: 'said', data: { by: 'bob', text: 'hello yourself' } });
  });

  it('is pinged and answers while its page is busy', async () => {
    await using app = await startChat({ heartbeat: { intervalMs: 300, missedBeats: 2 } });
    const page = await open(app);
    await connect(page, app, 'ada');
    await page.evaluate(() => {
      const until = performance.now() + 2_000;
      while (performance.now() < until);
    });
    expect(departuresOf(app)).toEqual([]);
    expect(connectionsOf(app)[0]?.rtt).toBeGreaterThanOrEqual(0);
    await say(page, { event: 'say', data: 'still here', id: 1 });
    expect(await nextFrame(page)).toMatchObject({ data: { text: 'still here' } });
  });

  it('sees the close of a shutdown with code and reason', async () => {
    const app = await startChat();
    const page = await open(app);
    await connect(page, app, 'ada');
    await app.close();
    expect(await page.evaluate(() => chat.closed)).toEqual({ code: 1012, reason: 'service restart', wasClean: true });
  });

  it('is known to have left when its page is closed', async () => {
    await using app = await startChat();
    const page = await open(app);
    await connect(page, app, 'ada');
    const [connection] = connectionsOf(app);
    const gone = new Promise((resolve) => connection?.signal.addEventListener('abort', resolve));
    await page.close();
    await gone;
    expect(connection?.cause).toMatchObject({ initiator: 'client', code: 1001 });
  });

  it('is refused without a token, and from a page of another origin', async () => {
    await using app = await startChat();
    await using foreign = await startChat();
    const refused = { code: 1006, reason: '', wasClean: false };
    const page = await open(app);
    expect(await attempt(page, app.url('/chat'), ['holdfast.plain'])).toEqual(refused);
    const token = await chatToken('ada');
    const elsewhere = await open(foreign);
    expect(await attempt(elsewhere, app.url('/chat'), ['holdfast.plain', `bearer.${token}`])).toEqual(refused);
    expect(connectionsOf(app)).toEqual([]);
    // The same from its own page, so that it was the origin.
    expect(await connect(page, app, 'ada')).toBe('holdfast.plain');
  });
});

async function connect(page: Page, app: HoldfastTestApp, subject: string): Promise<string> {
  return page.evaluate(
    async ([url = '', token = '']) => {
      const socket = new WebSocket(url, ['holdfast.plain', `bearer.${token}`]);
      const frames: unknown[] = [];
      socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)));
      const closed = new Promise<{ code: number; reason: string; wasClean: boolean }>((resolve) => {
        socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
      });
      globalThis.chat = { socket, frames, closed };
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = reject;
      });
      return socket.protocol;
    },
    [app.url('/chat'), await chatToken(subject)],
  );
}

async function attempt(page: Page, url: string, protocols: string[]): Promise<unknown> {
  return page.evaluate(
    ({ url, protocols }) =>
      new Promise((resolve) => {
        new WebSocket(url, protocols).onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
      }),
    { url, protocols },
  );
}

async function say(page: Page, envelope: object): Promise<void> {
  await page.evaluate((text) => chat.socket.send(text), JSON.stringify(envelope));
}

async function nextFrame(page: Page): Promise<unknown> {
  await page.waitForFunction(() => chat.frames.length > 0);
  return page.evaluate(() => chat.frames.shift());
}
