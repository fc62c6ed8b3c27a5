import type { HoldfastOptions } from '@holdfast/gateway';
import type { HoldfastTestApp } from '@holdfast/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { nextToLeave, onlyConnection, registryOf } from './support/boot.js';
import { ClientPage, type PageClientOptions } from './support/client-page.js';
import { startPageApp, TokenDesk } from './support/client-page-app.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';
import { SECRET, tokenUntil } from './support/tokens.js';

// A browser that shares two cores with other tests takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const describeInBrowser = requires('Chromium', chromiumMissing);
const graceMs = 5_000;
const secured: HoldfastOptions = { auth: { secret: SECRET, clockToleranceMs: 0, expiryGraceMs: graceMs } };
const asked: PageClientOptions = { url: '/secured', token: 'from the desk', backoff: { firstMs: 200 } };

/** Long enough for a busy machine to ask for the next one in half of it. */
const shortMs = 6_000;
const token = (subject: string, ms: number): Promise<string> => tokenUntil(subject, Date.now(), ms);

function issue(app: HoldfastTestApp, tokens: TokenDesk['issue']): TokenDesk {
  const desk = app.app.get(TokenDesk);
  desk.issue = tokens;
  return desk;
}

describeInBrowser('a page whose token', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(app: HoldfastTestApp, options: PageClientOptions): Promise<ClientPage> {
    const page = await ClientPage.open(await browser.newContext(), app.httpUrl());
    await page.connect(options);
    return page;
  }

  it('expires brings another one when it is asked, and its connection outlives the first', async () => {
    await using app = await startPageApp(secured);
    const desk = issue(app, () => token('ada', shortMs));
    const begun = Date.now();
    await using page = await open(app, asked);
    await page.reached('open');
    const { id } = onlyConnection(app);
    // Each is asked for in half the life of the one before: with the fifth, the first is past its grace.
    await vi.waitFor(() => expect(desk.given).toBeGreaterThan(4), { timeout: 60_000 });
    expect(Date.now() - begun).toBeGreaterThan(shortMs + graceMs);
    expect(await page.request('who am I')).toBe('ada');
    expect(onlyConnection(app).id).toBe(id);
    expect(page.changes).toEqual(['idle>connecting connect', 'connecting>open welcome']);
  });

  it('expires without another one is closed with 4401, and comes back once with a fresh token', async () => {
    await using app = await startPageApp(secured);
    let hasLeft = false;
    registryOf(app).on('left', () => (hasLeft = true));
    issue(app, (count) => (count === 1 ? token('ada', shortMs) : hasLeft ? token('ada', 60_000) : ''));
    await using page = await open(app, asked);
    await page.reached('open');
    const { id } = onlyConnection(app);
    const left = nextToLeave(registryOf(app));
    expect(await page.reached('waiting')).toMatchObject({ cause: 'server', code: 4401, attempts: 0 });
    expect((await left).cause).toMatchObject({ code: 4401, reason: 'the token has expired' });
    expect(await page.reached('open')).toMatchObject({ attempts: 1 });
    expect(onlyConnection(app).id).not.toBe(id);
    expect(await page.request('who am I')).toBe('ada');
    expect(page.changes.slice(2)).toEqual([
      'open>waiting server',
      'waiting>connecting retry',
      'connecting>open welcome',
    ]);
  });

  it('has expired before it comes is told so, and comes back once with a fresh token', async () => {
    await using app = await startPageApp(secured);
    const desk = issue(app, (count) => token('ada', count === 1 ? -60_000 : 60_000));
    await using page = await open(app, asked);
    expect(await page.reached('waiting')).toMatchObject({ cause: 'server', code: 4401, error: 'TOKEN_EXPIRED' });
    await page.reached('open');
    expect(await page.request('who am I')).toBe('ada');
    expect(desk.given).toBe(2);
  });

  it('is refused, and the next one too, gives up and says why', async () => {
    await using app = await startPageApp(secured);
    const desk = issue(app, (count) => `forged ${count}`);
    await using page = await open(app, asked);
    expect(await page.reached('waiting')).toMatchObject({ code: 4401, error: 'UNAUTHORIZED' });
    expect(await page.reached('failed')).toMatchObject({ cause: 'server', code: 4401, error: 'UNAUTHORIZED' });
    expect(desk.given).toBe(2);
    expect(registryOf(app).size).toBe(0);
  });

  it('is refused and the only one fails at once, unlike one whose server is not there', async () => {
    await using app = await startPageApp(secured);
    await using refused = await open(app, { ...asked, token: 'forged' });
    expect(await refused.reached('failed')).toMatchObject({ cause: 'server', code: 4401, error: 'UNAUTHORIZED' });
    expect(refused.changes).toEqual(['idle>connecting connect', 'connecting>failed server']);
    expect(await refused.request('who am I')).toBe('CLOSED');

    // The same port of another address, where nobody listens.
    const url = `ws://127.0.0.2:${app.port}/secured`;
    await using alone = await open(app, { ...asked, url, token: 'forged' });
    const waiting = await alone.reached('waiting');
    expect(waiting).toMatchObject({ cause: 'network', code: 1006 });
    expect(waiting.error).toBeUndefined();
  });
});
