import { type HoldfastTestApp } from '@holdfast/testing';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readConfig } from '../src/config/service-config.js';
import { createService } from '../src/service.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';
import { startSecuredService, startService, tokenOf } from './support/service.js';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/** Give it a path to make the picture of the README anew: PAGE_SCREENSHOT=docs/images/page.png. */
const screenshotPath = process.env['PAGE_SCREENSHOT'];

async function openPage(browser: Browser, app: HoldfastTestApp): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1380, height: 800 }, deviceScaleFactor: 2 });
  const page = await context.newPage();
  await page.goto(app.httpUrl('/'));
  return page;
}

async function joinAs(browser: Browser, app: HoldfastTestApp, name: string): Promise<Page> {
  const page = await openPage(browser, app);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('status').filter({ hasText: 'connected' }).first().waitFor();
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const rowsOf = (page: Page, gateway: string) =>
  page.locator(`#connections tr[data-gateway="${gateway}"]:not(.leaving)`);

const describeInBrowser = requires('Chromium', chromiumMissing);

describeInBrowser('the page at / in a real browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  it('lets two tabs chat and shows both connections with their round-trip times, until one closes', async () => {
    await using app = await startService({ HOLDFAST_HEARTBEAT_MS: '1000' });
    const ada = await joinAs(browser, app, 'Ada');
    const bob = await joinAs(browser, app, 'Bob');
    await rowsOf(ada, '/chat').nth(1).waitFor();

    await say(ada, 'Is anybody there?');
    await bob.getByRole('log', { name: 'Messages' }).getByText('Is anybody there?').waitFor();
    await say(bob, 'Here, on the second tab');
    await ada.getByRole('log', { name: 'Messages' }).getByText('Here, on the second tab').waitFor();

    await ada.getByRole('button', { name: 'Wave at Bob' }).click();
    await bob.getByRole('status').getByText('Ada waves at you').waitFor();

    const roundTrips = rowsOf(ada, '/chat').locator('td:nth-child(5)');
    await roundTrips
      .filter({ hasText: /^[\d.]+ ms$/ })
      .nth(1)
      .waitFor();
    expect(await roundTrips.count()).toBe(2);
    await rowsOf(ada, '/chat').filter({ hasText: 'Ada' }).getByText('you').waitFor();
    if (screenshotPath) await takePicture(ada, bob, screenshotPath);

    await say(bob, '<b>bold</b>');
    await ada.getByRole('log', { name: 'Messages' }).getByText('<b>bold</b>').waitFor();

    await bob.close();
    await rowsOf(ada, '/chat').nth(1).waitFor({ state: 'detached' });
    expect(await rowsOf(ada, '/chat').count()).toBe(1);
    await ada.getByRole('log', { name: 'Messages' }).getByText('Bob left').waitFor();
  });

  it('comes back by itself when the server has been restarted, with a token of the new one', async () => {
    const first = await startService();
    const page = await joinAs(browser, first, 'Ada');
    await first.close();
    await page.getByText('/chat closed 1012 service restart').waitFor();
    const second = await createService(readConfig({ LOG_LEVEL: 'error' }));
    try {
      await second.listen(first.port, '127.0.0.1');
      await page.getByText('/chat open').nth(1).waitFor();
      await say(page, 'Still here');
      await page.getByRole('log', { name: 'Messages' }).getByText('Still here').waitFor();
      await page.close();
    } finally {
      await second.close();
    }
  });

  it('runs without an error and without anything its own policy forbids', async () => {
    await using app = await startService();
    const problems: string[] = [];
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => problems.push(message.text()));
    const response = await page.goto(app.httpUrl('/'));
    expect(response?.headers()['content-security-policy']).toContain("default-src 'self'");
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('button', { name: 'Join' }).click();
    await rowsOf(page, '/chat').waitFor();
    await page.close();
    expect(problems).toEqual([]);
  });

  it('asks for a token where there is no demo endpoint, and is who the token says', async () => {
    await using app = await startSecuredService();
    const page = await openPage(browser, app);
    await page.getByLabel('Your name').fill('Mallory');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('Please paste a token.').waitFor();
    await page.getByLabel('Token', { exact: false }).fill(await tokenOf('Grace'));
    await page.getByRole('button', { name: 'Join' }).click();
    await rowsOf(page, '/chat').filter({ hasText: 'Grace' }).waitFor();
    await page.close();
  });
});

/** Once every row has a line, and nothing is on its way in or out. */
async function takePicture(ada: Page, bob: Page, path: string): Promise<void> {
  await say(bob, 'Every row over there is one of our sockets');
  await say(ada, 'And the lines are round-trip times, measured by the heartbeat');
  await ada.getByText('round-trip times, measured').waitFor();
  for (const line of await ada.locator('polyline').all()) {
    while (((await line.getAttribute('points')) ?? '').split(' ').length < 12) await ada.waitForTimeout(200);
  }
  await ada.screenshot({ path, animations: 'disabled' });
}
