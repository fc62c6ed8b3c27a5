import type { DrainData } from '@holdfast/protocol';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ClientPage, type PageClientOptions } from './support/client-page.js';
import { PageProcess } from './support/client-page-process.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';

// A browser and servers that share two cores with other tests take their time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const describeInBrowser = requires('Chromium', chromiumMissing);
const quick: PageClientOptions = { backoff: { firstMs: 200, maxMs: 1_000 } };
/** Of clocks and timers, which browsers make coarse. */
const roundingMs = 50;

describeInBrowser('a page whose server', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(url: string): Promise<ClientPage> {
    return ClientPage.open(await browser.newContext(), url);
  }

  it('crashes and is started again comes back, with what it said meanwhile once and in order', async () => {
    await using first = await PageProcess.start();
    await using page = await open(first.url);
    await page.connect(quick);
    await page.reached('open');
    expect(await page.request('note', 'before')).toBe(2);
    const unanswered = page.request('never');
    // Evaluated after it, so that it has been sent.
    await page.emit('note', 'without an answer');

    await first.crash();
    expect(await page.reached('waiting')).toMatchObject({ from: 'open', cause: 'network', code: 1006 });
    expect(await unanswered).toBe('CONNECTION_LOST');
    // Before there is anybody to come back to.
    await page.reached('connecting');
    const taken = Array.from({ length: 50 }, (_, index) => index);
    expect(new Set(await page.emit('note', ...taken))).toEqual(new Set([true]));
    const answer = page.request('note', 'asked meanwhile');

    await using second = await PageProcess.start({}, first);
    expect(await page.reached('open')).toMatchObject({ from: 'connecting', cause: 'welcome' });
    expect(await answer).toBe(52);
    expect(await page.request('notes')).toEqual(['here', ...taken, 'asked meanwhile']);
    second.publish('up again');
    await page.hears('up again');
    await page.page.close();
    expect(await second.nextDeparture()).toMatchObject({ initiator: 'client', code: 1001 });
  });

  it('drains and is started again comes back in the window that it was told, and not before', async () => {
    await using first = await PageProcess.start({ lifecycle: { drainWindowMs: 3_000 } });
    await using page = await open(first.url);
    // In the middle of the window.
    await page.connect({ ...quick, waitShare: 0.5 });
    await page.reached('open');

    await first.terminate();
    const drain = (await page.next('$drain')).data as DrainData;
    expect(drain).toMatchObject({ windowMs: 3_000, reason: 'service restart' });
    const lost = await page.reached('waiting');
    expect(lost).toMatchObject({ from: 'open', cause: 'server', code: 1012 });
    // A moment of which has passed when the page tells it.
    const waitMs = lost.nextAttemptAt! - lost.at;
    expect(waitMs).toBeGreaterThan(drain.retryAfterMs);
    expect(waitMs).toBeLessThan(drain.retryAfterMs + drain.windowMs);

    await using second = await PageProcess.start({}, first);
    // Not by its own backoff, which would have been here long ago.
    const returned = await page.reached('connecting');
    expect(returned).toMatchObject({ cause: 'retry', attempts: 1 });
    expect(returned.at).toBeGreaterThan(lost.nextAttemptAt! - roundingMs);
    await page.reached('open');
    expect(await page.request('notes')).toEqual(['here']);
    await page.page.close();
    await second.nextDeparture();
  });

  it('crashes before the browser goes offline comes back the moment that it is online', async () => {
    await using first = await PageProcess.start();
    await using page = await open(first.url);
    // Nobody waits that long.
    await page.connect({ backoff: { firstMs: 3_600_000, maxMs: 3_600_000 }, waitShare: 1 });
    await page.reached('open');
    await first.crash();
    expect(await page.reached('waiting')).toMatchObject({ cause: 'network', code: 1006 });
    // Not before: what is emulated may keep the end of a connection from the page.
    await page.page.context().setOffline(true);
    await page.next('offline');

    await using second = await PageProcess.start({}, first);
    await page.page.context().setOffline(false);
    await page.next('online');
    expect(await page.reached('connecting')).toMatchObject({ cause: 'online', attempts: 1 });
    await page.reached('open');
    second.publish('online');
    await page.hears('online');
  });
});
