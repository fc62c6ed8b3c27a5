import type { HoldfastTestApp } from '@holdfast/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { nextToLeave, onlyConnection, registryOf } from './support/boot.js';
import { ClientPage } from './support/client-page.js';
import { startPageApp } from './support/client-page-app.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';

// A browser that shares two cores with other tests takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

declare global {
  /** In the page: timers that have been set and have neither fired nor been cleared. */
  var armed: Set<unknown>;
  var worker: {
    postMessage(message: unknown): void;
    onmessage: (message: { readonly data: { readonly event: string; readonly data: unknown } }) => void;
  };
  var Worker: new (url: string, options: { type: 'module' }) => typeof worker;
}

const describeInBrowser = requires('Chromium', chromiumMissing);

describeInBrowser('the client as one file for browsers', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(app: HoldfastTestApp): Promise<ClientPage> {
    return ClientPage.open(await browser.newContext(), app.httpUrl());
  }

  it('runs in a module script, without a bundler and without a complaint', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    const complaints: string[] = [];
    page.page.on('pageerror', ({ message }) => complaints.push(message));
    page.page.on('console', (message) => complaints.push(message.text()));
    await page.page.reload();
    await page.connect();
    await page.reached('open');
    expect(onlyConnection(app).handshake.mode).toBe('sdk');
    expect(await page.page.evaluate(() => client.connectionId)).toBe(onlyConnection(app).id);
    expect(await page.request('note', 'first')).toBe(2);
    onlyConnection(app).emit('news', 'hello');
    await page.hears('hello');
    expect(complaints).toEqual([]);
  });

  it('leaves no timer, no listener and no socket when it is closed', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    await page.page.evaluate(countTimers);
    await page.connect();
    await page.reached('open');
    const unanswered = page.request('never');
    await vi.waitFor(() => expect(page.sent.at(-1)).toContain('never'), { timeout: 60_000 });
    expect(await page.page.evaluate(() => armed.size)).toBeGreaterThan(1);
    expect(await listeners(page.page)).toContain('pageshow');

    const left = nextToLeave(registryOf(app));
    await page.close();
    expect(await page.reached('closed')).toMatchObject({ from: 'open', cause: 'close' });
    expect(await unanswered).toBe('CLOSED');
    expect((await left).cause).toMatchObject({ code: 1000, initiator: 'client' });
    expect(registryOf(app).size).toBe(0);
    expect(await page.page.evaluate(() => armed.size)).toBe(0);
    expect(await listeners(page.page)).toEqual(ownListeners);
  });

  it('leaves no timer and no listener when it is closed while it waits for its server', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    await page.page.evaluate(countTimers);
    // The same port of another address, where nobody listens.
    await page.connect({ url: `ws://127.0.0.2:${app.port}/live` });
    await page.reached('waiting');
    const unsent = page.request('note', 'never sent');
    await page.close();
    expect(await unsent).toBe('CLOSED');
    expect(await page.page.evaluate(() => [client.state, armed.size])).toEqual(['closed', 0]);
    expect(await listeners(page.page)).toEqual(ownListeners);
  });

  it('runs in a worker', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    await page.page.evaluate(() => {
      globalThis.worker = new Worker('/worker.js', { type: 'module' });
      worker.onmessage = ({ data: { event, data } }) => void tell(event, data, Date.now());
    });
    await page.reached('open');
    await page.page.evaluate(() => worker.postMessage(['note', 'from a worker']));
    expect((await page.next('answer')).data).toBe(1);
    onlyConnection(app).emit('news', 'to a worker');
    await page.hears('to a worker');

    const left = nextToLeave(registryOf(app));
    await page.page.evaluate(() => worker.postMessage(['close']));
    await page.reached('closed');
    expect((await left).cause).toMatchObject({ code: 1000, initiator: 'client' });
  });
});

/** Those by which the page tells the test what happens. */
const ownListeners = ['freeze', 'offline', 'online', 'resume', 'visibilitychange'];

/** What the window and the document are listened to for, sorted. */
async function listeners(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const types: string[] = [];
  for (const expression of ['window', 'document']) {
    const { result } = await session.send('Runtime.evaluate', { expression });
    const found = await session.send('DOMDebugger.getEventListeners', { objectId: result.objectId! });
    types.push(...found.listeners.map(({ type }) => type));
  }
  await session.detach();
  return types.sort();
}

/** Runs in the page, before its client. */
function countTimers(): void {
  const { setTimeout, clearTimeout } = globalThis;
  globalThis.armed = new Set();
  Object.assign(globalThis, {
    setTimeout: (task: () => void, delayMs: number): unknown => {
      const timer = setTimeout(() => {
        armed.delete(timer);
        task();
      }, delayMs);
      armed.add(timer);
      return timer;
    },
    clearTimeout: (timer: NodeJS.Timeout): void => {
      armed.delete(timer);
      clearTimeout(timer);
    },
  });
}
