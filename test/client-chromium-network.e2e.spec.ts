import { join } from 'node:path';
import type { HoldfastOptions } from '@holdfast/gateway';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ClientPage, type PageClientOptions } from './support/client-page.js';
import { PageProcess } from './support/client-page-process.js';
import { launchChromium } from './support/chromium.js';
import { addresses, netnsAvailable, NetworkNamespaces } from './support/netns.js';
import { chromiumMissing, requires } from './support/requirement.js';

// A browser that shares two cores with other tests takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const executablePath = join(import.meta.dirname, 'support/fixtures/chromium-in-netns');
const describeInNamespaces = requires('Chromium in a network namespace', () => chromiumMissing() ?? netnsAvailable());

const quick = { intervalMs: 1_000, missedBeats: 3 };
const silenceMs = quick.intervalMs * (1 + quick.missedBeats);
/** What two busy cores may add. */
const slackMs = 10_000;
const impatient: PageClientOptions = { connectTimeoutMs: 3_000, backoff: { firstMs: 200, maxMs: 500 } };
/** Nobody waits that long. */
const patient: PageClientOptions = { backoff: { firstMs: 3_600_000, maxMs: 3_600_000 }, waitShare: 1 };

describeInNamespaces('a page whose network', () => {
  let net: NetworkNamespaces;
  let browser: Browser;
  beforeAll(async () => {
    net = await NetworkNamespaces.create();
    browser = await launchChromium({ executablePath, env: { ...process.env, CHROMIUM_NETNS: net.nameOf('client') } });
  });
  afterAll(async () => {
    await browser.close();
    await net[Symbol.asyncDispose]();
  });

  /** On one side of the cable. */
  function start(options: HoldfastOptions = {}): Promise<PageProcess> {
    const place = { host: addresses.server, port: 0 };
    return PageProcess.start(options, place, (script, args) => net.run('server', script, args));
  }

  /** On the other side. */
  async function open(server: PageProcess, options: PageClientOptions): Promise<ClientPage> {
    const page = await ClientPage.open(await browser.newContext(), server.url);
    await page.connect(options);
    await page.reached('open');
    return page;
  }

  it('swallows every packet notices the silence on both sides, and comes back when it is healed', async () => {
    await using server = await start({ heartbeat: quick });
    await using page = await open(server, impatient);
    await net.blackhole(server.port);
    const silentSince = Date.now();
    const lost = await page.reached('waiting');
    expect(lost).toMatchObject({ from: 'open', cause: 'silence', code: 4504 });
    expect(lost.at - silentSince).toBeLessThan(silenceMs + slackMs);
    expect(await server.nextDeparture()).toMatchObject({ code: 4504, initiator: 'server' });
    // Attempts go into the same silence.
    expect(await page.reached('waiting')).toMatchObject({ from: 'connecting', cause: 'timeout' });
    await page.emit('note', 'into the dark');

    await net.heal();
    await page.reached('open');
    expect(await page.request('notes')).toEqual(['here', 'here', 'into the dark']);
    server.publish('light');
    await page.hears('light');
  });

  it('is gone for long waits for it, and comes back the moment that it is there', async () => {
    await using server = await start({ heartbeat: quick });
    await using page = await open(server, { backoff: { firstMs: 200, maxMs: 200 } });
    await net.setCable('client', 'down');
    await page.next('offline');
    expect(await page.reached('waiting')).toMatchObject({ from: 'open', cause: 'silence' });
    // Nothing is tried, and the count of attempts stands still.
    for (let times = 0; times < 3; times++) {
      expect(await page.reached('waiting')).toMatchObject({ from: 'waiting', cause: 'offline', attempts: 0 });
    }
    await server.nextDeparture();

    await net.setCable('client', 'up');
    expect(await page.reached('connecting')).toMatchObject({ cause: 'online', attempts: 1 });
    await page.reached('open');
    server.publish('there');
    await page.hears('there');
  });

  it('is gone for a moment asks for a sign of life, and keeps its connection', async () => {
    await using server = await start();
    await using page = await open(server, patient);
    const { probes } = page;
    await net.setCable('client', 'down');
    await page.next('offline');
    server.publish('on its way');
    await net.setCable('client', 'up');
    await page.next('online');
    await page.hears('on its way');
    await vi.waitFor(() => expect(page.probes).toBeGreaterThan(probes), { timeout: 60_000 });
    expect(await page.request('notes')).toEqual(['here']);
    expect(page.changes).toEqual(['idle>connecting connect', 'connecting>open welcome']);
  });

  it('is another one when it is back finds that out by itself, long before the next heartbeat', async () => {
    await using server = await start();
    await using page = await open(server, patient);
    // What was connected stays dead, as with another address.
    await net.blackhole(server.port);
    await net.setCable('client', 'down');
    await page.next('offline');
    await net.setCable('client', 'up');
    const { at } = await page.next('online');
    const lost = await page.reached('waiting');
    expect(lost).toMatchObject({ from: 'open', cause: 'silence' });
    expect(lost.at - at).toBeLessThan(3_000 + slackMs);
    expect(await page.reached('connecting')).toMatchObject({ attempts: 1 });
    await net.heal();
    await page.reached('open');
  });
});
