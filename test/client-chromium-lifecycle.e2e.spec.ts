import { setTimeout as sleepFor } from 'node:timers/promises';
import type { HoldfastTestApp } from '@holdfast/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { nextToLeave, onlyConnection, registryOf } from './support/boot.js';
import { ClientPage, type PageClientOptions } from './support/client-page.js';
import { startPageApp } from './support/client-page-app.js';
import { ChromiumTabs } from './support/client-page-tabs.js';
import { chromiumMissing, requires } from './support/requirement.js';

// A browser that shares two cores with other tests takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const describeInBrowser = requires('Chromium', chromiumMissing);

/** Nobody waits that long: who comes back does so because it was woken up. */
const patient: PageClientOptions = { backoff: { firstMs: 3_600_000, maxMs: 3_600_000 }, waitShare: 1 };
const quick = { heartbeat: { intervalMs: 1_000, missedBeats: 3 } };

describeInBrowser('a page that', () => {
  let tabs: ChromiumTabs;
  beforeAll(async () => {
    tabs = await ChromiumTabs.launch();
  });
  afterAll(async () => {
    await tabs[Symbol.asyncDispose]();
  });

  async function open(app: HoldfastTestApp): Promise<ClientPage> {
    const page = await ClientPage.open(tabs.context, app.httpUrl());
    await page.connect(patient);
    await page.reached('open');
    return page;
  }

  /** Puts another tab in front of it. */
  async function hide({ page }: ClientPage): Promise<() => Promise<void>> {
    const other = await tabs.context.newPage();
    return async () => {
      await other.close();
      await page.bringToFront();
    };
  }

  function publish(app: HoldfastTestApp, news: string): void {
    expect(onlyConnection(app).emit('news', news)).toBe(true);
  }

  it('is hidden hears on, and asks for a sign of life when it is shown', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    const show = await hide(page);
    expect((await page.next('visibilitychange')).data).toBe('hidden');
    publish(app, 'while hidden');
    await page.hears('while hidden');
    const { probes } = page;

    await show();
    expect((await page.next('visibilitychange')).data).toBe('visible');
    await vi.waitFor(() => expect(page.probes).toBeGreaterThan(probes), { timeout: 60_000 });
    publish(app, 'when shown');
    await page.hears('when shown');
    expect(page.changes).toEqual(['idle>connecting connect', 'connecting>open welcome']);
  });

  it('is frozen is cut by the server, and back at once when it is shown', async () => {
    await using app = await startPageApp(quick);
    await using page = await open(app);
    const left = nextToLeave(registryOf(app));
    const show = await hide(page);
    await tabs.freeze(page.page);
    // Its WebSocket is alive and answers protocol pings; only messages tell.
    expect((await left).cause).toMatchObject({ code: 4504, initiator: 'server' });

    await tabs.thaw(page.page);
    expect(await page.reached('waiting')).toMatchObject({ from: 'open', cause: 'network', code: 1006 });
    await show();
    expect(await page.reached('connecting')).toMatchObject({ cause: 'wake' });
    await page.reached('open');
    publish(app, 'back');
    await page.hears('back');
  });

  it('is frozen for a moment loses its connection to the browser, and is back at once when it is shown', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    const show = await hide(page);
    await tabs.freeze(page.page);
    const left = nextToLeave(registryOf(app));
    // It may hear that, or not.
    publish(app, 'while frozen');
    await tabs.thaw(page.page);
    expect(await page.reached('waiting')).toMatchObject({ from: 'open', code: 1006 });
    expect((await left).cause).toMatchObject({ code: 1001, initiator: 'client' });
    await show();
    expect(await page.reached('connecting')).toMatchObject({ cause: 'wake' });
    await page.reached('open');
    publish(app, 'back');
    await page.hears('back');
  });

  it('sleeps with its machine hears all that came, and asks for a sign of life', async () => {
    await using app = await startPageApp();
    await using page = await open(app);
    const { probes } = page;
    await tabs.signalPages('SIGSTOP');
    publish(app, 'while asleep');
    // A clock that jumps less may just be late.
    await sleepFor(11_000);
    await tabs.signalPages('SIGCONT');
    await page.hears('while asleep');
    await vi.waitFor(() => expect(page.probes).toBeGreaterThan(probes), { timeout: 60_000 });
    publish(app, 'awake');
    await page.hears('awake');
    expect(page.changes).toEqual(['idle>connecting connect', 'connecting>open welcome']);
  });

  it('was left and is gone back to is the same page, and back at once too', async () => {
    await using app = await startPageApp(quick);
    await using page = await open(app);
    const gone = nextToLeave(registryOf(app));
    await page.page.goto(app.httpUrl('/token'));
    // In the back/forward cache its WebSocket lives on; only messages tell.
    expect((await gone).cause).toMatchObject({ code: 4504, initiator: 'server' });

    // It is not loaded again.
    await page.page.goBack({ waitUntil: 'commit' });
    expect(await page.reached('waiting')).toMatchObject({ from: 'open', cause: 'network', code: 1006 });
    await page.reached('open');
    publish(app, 'back');
    await page.hears('back');
  });
});
