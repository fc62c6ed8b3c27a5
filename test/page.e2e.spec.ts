import { ConnectionRegistry, Rooms } from '@holdfast/gateway';
import { FaultProxy } from '@holdfast/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { auditPage } from './support/accessibility.js';
import { launchChromium } from './support/chromium.js';
import {
  connected,
  join,
  joinWithToken,
  messages,
  openPage,
  openPausedPage,
  patienceMs,
  rowsOf,
  say,
  tileOf,
} from './support/page.js';
import { chromiumMissing, requires } from './support/requirement.js';
import { connectAs, startSecuredService, startService, tokenOf } from './support/service.js';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 2 * patienceMs, hookTimeout: patienceMs });

/** Give it a path to make the picture of the README anew: PAGE_SCREENSHOT=docs/images/page.png. */
const screenshotPath = process.env['PAGE_SCREENSHOT'];

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
    const ada = await openPage(browser, app.httpUrl());
    await join(ada, 'Ada');
    const bob = await openPage(browser, app.httpUrl());
    await join(bob, 'Bob');
    await rowsOf(ada).nth(1).waitFor();

    await say(ada, 'Is anybody there?');
    await messages(bob).getByText('Is anybody there?').waitFor();
    await say(bob, 'Here, on the second tab');
    await messages(ada).getByText('Here, on the second tab').waitFor();

    await ada.getByRole('button', { name: 'Wave at Bob' }).click();
    await bob.getByRole('status').getByText('Ada waves at you').waitFor();

    const roundTrips = rowsOf(ada).locator('td:nth-child(5)');
    await roundTrips
      .filter({ hasText: /^[\d.]+ ms$/ })
      .nth(1)
      .waitFor();
    expect(await roundTrips.count()).toBe(2);
    await rowsOf(ada).filter({ hasText: 'Ada' }).getByText('you').waitFor();
    if (screenshotPath) await takePicture(ada, bob, screenshotPath);

    await say(bob, '<b>bold</b>');
    await messages(ada).getByText('<b>bold</b>').waitFor();

    await bob.close();
    await rowsOf(ada).nth(1).waitFor({ state: 'detached' });
    expect(await rowsOf(ada).count()).toBe(1);
    await messages(ada).getByText('Bob left').waitFor();
  });

  it('shows the state of its connection, to screen readers too, with the round-trip time', async () => {
    await using app = await startService({ HOLDFAST_HEARTBEAT_MS: '1000' });
    const page = await openPage(browser, app.httpUrl());
    await join(page, 'Ada');
    await tileOf(page)
      .getByRole('status')
      .getByText(/^connected$/)
      .waitFor();
    await tileOf(page)
      .getByText(/^round trip [\d.]+ ms$/)
      .waitFor();
    await page.close();
  });

  it('counts down when the socket has been cut behind its back, and comes back by itself', async () => {
    await using app = await startService();
    const page = await openPausedPage(browser, app.httpUrl());
    await join(page, 'Ada');
    await page.getByRole('button', { name: 'Cut the socket' }).click();

    const chat = tileOf(page);
    await chat.getByRole('status').getByText('it closed without a code (1005)').waitFor();
    await chat.getByRole('timer').getByText('next attempt in 3 s').waitFor();
    await page.clock.runFor(1_000);
    await chat.getByRole('timer').getByText('next attempt in 2 s').waitFor();
    expect(await connected(page).count()).toBe(0);
    await page.clock.runFor(2_000);
    await connected(page).waitFor();
    await say(page, 'Still here');
    await messages(page).getByText('Still here').waitFor();
    await page.close();
  });

  it('keeps what is written meanwhile, says how much, and sends it when told to try now', async () => {
    await using app = await startService();
    const page = await openPausedPage(browser, app.httpUrl());
    await join(page, 'Ada');
    await page.getByRole('button', { name: 'Cut the socket' }).click();
    await tileOf(page).getByRole('timer').waitFor();

    await say(page, 'one');
    await page.getByRole('status').getByText('1 message waits for the connection').waitFor();
    await say(page, 'two');
    await page.getByRole('status').getByText('2 messages wait for the connection').waitFor();
    await page.getByRole('button', { name: 'Try /live now' }).click();
    await messages(page).getByText('two').waitFor();
    expect(await messages(page).locator('.mine').allInnerTexts()).toEqual([
      expect.stringContaining('one'),
      expect.stringContaining('two'),
    ]);
    expect(await page.getByText('for the connection').count()).toBe(0);
    await page.close();
  });

  it('comes back by itself when the server has been replaced, with a token of the new one', async () => {
    const first = await startService();
    await using second = await startService();
    await using front = await FaultProxy.start(first.port);
    const page = await openPage(browser, front.httpUrl('/'));
    await join(page, 'Ada');
    front.leadTo(second.port);
    await first.close();

    await page.getByText('/live the server closed it (1012 service restart)').waitFor();
    await connected(page).waitFor();
    // Nobody has what was kept in the memory of the first one.
    await messages(page).getByText('What was said while you were away is not known: epoch').waitFor();
    await say(page, 'Still here');
    await messages(page).getByText('Still here').waitFor();
    await page.close();
  });

  it('gets what was said while its socket was cut, and says how much', async () => {
    await using app = await startSecuredService();
    await using bob = await connectAs(app, 'Bob');
    await bob.request('join', { room: 'lobby' });
    await bob.request('say', { text: 'before' });
    const page = await openPausedPage(browser, app.httpUrl());
    await joinWithToken(page, await tokenOf('Ada'));
    await messages(page).getByText('before').waitFor();
    await page.getByRole('button', { name: 'Cut the socket' }).click();
    await tileOf(page).getByText('it closed without a code (1005)').waitFor();
    for (const text of ['one', 'two', 'three']) await bob.request('say', { text });
    await page.clock.runFor(5_000);
    await messages(page).getByText('3 messages recovered').waitFor();
    expect(await messages(page).getByText('while you were away').count()).toBe(3);
    await bob.request('say', { text: 'four' });
    await messages(page).getByText('four').waitFor();
    const said = await messages(page).locator('li:not(.notice)').allTextContents();
    expect(said.map((line) => /(before|one|two|three|four)$/.exec(line)?.[1])).toEqual([
      ...['before', 'one', 'two', 'three', 'four'],
    ]);
    await page.close();
  });

  it('says that the server is going away until it is back', async () => {
    const first = await startService();
    await using second = await startService();
    await using front = await FaultProxy.start(first.port);
    const page = await openPausedPage(browser, front.httpUrl('/'));
    await join(page, 'Ada');
    front.leadTo(second.port);
    await first.close();

    const notice = page
      .getByRole('status')
      .getByText(/^This server is going away \(service restart\); back within \d+ s\.$/);
    await tileOf(page).getByText('the server closed it (1012 service restart)').waitFor();
    await page.getByRole('timer').waitFor();
    expect(await notice.isVisible()).toBe(true);
    expect(await auditPage(page)).toEqual([]);
    // What a server advertises: a random part of the window, and the window.
    await page.clock.runFor(10_000);
    await connected(page).waitFor();
    await notice.waitFor({ state: 'detached' });
    await page.close();
  });

  it.each([
    ['is not of this server', 'The server refused the token (4401 UNAUTHORIZED)', () => tokenOf('Eve', 'x'.repeat(32))],
    ['has expired', 'The token has expired (4401 TOKEN_EXPIRED)', () => tokenOf('Eve', undefined, '1 hour ago')],
  ])('explains that a token %s, and takes another one', async (_, title, token) => {
    await using app = await startSecuredService();
    const page = await openPausedPage(browser, app.httpUrl());
    await joinWithToken(page, await token());
    const alert = page.getByRole('alert').filter({ hasText: title });
    await alert.getByText('Your network is fine').waitFor();
    expect(await page.getByRole('timer').count()).toBe(0);
    expect(await auditPage(page)).toEqual([]);

    await alert.getByRole('button', { name: 'Enter another name or token' }).click();
    await joinWithToken(page, await tokenOf('Grace'));
    await rowsOf(page).filter({ hasText: 'Grace' }).waitFor();
    expect(await alert.count()).toBe(0);
    await page.close();
  });

  it('follows the counter of its node, and says in red what is missing or comes twice', async () => {
    await using app = await startService({ HOLDFAST_NODE_NAME: 'n1' });
    const page = await openPage(browser, app.httpUrl());
    await join(page, 'Ada');
    await tileOf(page).getByRole('status').getByText('to node n1', { exact: true }).waitFor();
    const counter = page.locator('#counter');
    await counter.getByText('from node n1: none missing, 0 after a reconnect').waitFor();
    await page.getByRole('button', { name: 'Cut the socket' }).click();
    await connected(page).waitFor();
    await counter.getByText(/none missing, [1-9]\d* after a reconnect/).waitFor();
    const wrong = counter.getByRole('status');
    expect(await wrong.innerText()).toBe('');

    const rooms = app.app.get<Rooms<{ count: { number: number; node: string } }>>(Rooms);
    const count = (number: number): Promise<unknown> => rooms.to('counter').emit('count', { number, node: 'n2' });
    await count(90_000);
    await page.getByText(/^counter: \d+ to 89999 are missing$/).waitFor();
    await count(90_000);
    await page.getByText('counter: 90000 came after 90000').waitFor();
    await wrong.getByText(/came after \d+; \d+ more before$/).waitFor();
    expect(await counter.getByText('none missing').count()).toBe(0);
    const [color, red] = await page.evaluate<string[]>(`
      const probe = document.createElement('i');
      probe.style.color = 'var(--bad)';
      document.body.append(probe);
      [document.getElementById('miscounts'), probe].map((one) => getComputedStyle(one).color)`);
    expect(color).toBe(red);
    await page.close();
  });

  it('explains that somebody has been signed out', async () => {
    await using app = await startService();
    const page = await openPage(browser, app.httpUrl());
    await join(page, 'Mallory');
    app.app.get(ConnectionRegistry).disconnectPrincipal('Mallory');
    await page.getByRole('alert').getByText('The server has signed you out (4410)').waitFor();
    await page.getByRole('button', { name: 'Enter another name or token' }).click();
    await join(page, 'Grace');
    await page.close();
  });

  it('does not take a broken network for a refusal', async () => {
    await using app = await startSecuredService();
    await using proxy = await FaultProxy.start(app.port);
    const page = await openPausedPage(browser, `http://127.0.0.1:${proxy.port}/`);
    await joinWithToken(page, await tokenOf('Grace'));
    await connected(page).waitFor();
    proxy.reset();
    await tileOf(page).getByRole('status').getByText('the connection broke (1006)').waitFor();
    await page.getByRole('timer').waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('');
    await proxy.close();
    await page.getByRole('button', { name: 'Try /live now' }).click();
    await tileOf(page).getByRole('status').getByText('nobody answers (1006)').waitFor();
    await page.close();
  });

  it('asks for a token where there is no demo endpoint, and is who the token says', async () => {
    await using app = await startSecuredService();
    const page = await openPage(browser, app.httpUrl());
    await page.getByLabel('Your name').fill('Mallory');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('Please paste one').waitFor();
    await page.getByRole('textbox', { name: 'Token' }).fill(await tokenOf('Grace'));
    await page.getByRole('button', { name: 'Join' }).click();
    await rowsOf(page).filter({ hasText: 'Grace' }).waitFor();
    await page.close();
  });

  it('runs without an error and without anything its own policy forbids', async () => {
    await using app = await startService();
    const problems: string[] = [];
    const page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => problems.push(message.text()));
    const response = await page.goto(app.httpUrl());
    expect(response?.headers()['content-security-policy']).toMatch(/^default-src 'self';/);
    await join(page, 'Ada');
    await rowsOf(page).waitFor();
    await page.getByRole('button', { name: 'Cut the socket' }).click();
    await page.getByText('/live open').nth(1).waitFor();
    expect(problems).toEqual([]);

    // The policy is there, and not merely never broken.
    const ran = await page.evaluate<string>(`
      const script = document.createElement('script');
      script.textContent = 'document.title = "injected"';
      document.body.append(script);
      document.title`);
    expect(ran).toBe('Ada · Holdfast');
    await page.close();
  });

  it.each([
    ['light', 1380],
    ['dark', 1380],
    ['light', 360],
    ['dark', 360],
  ] as const)('can be used by everybody: %s, %d pixels wide', async (colorScheme, width) => {
    await using app = await startService();
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    await page.goto(app.httpUrl());
    expect(await auditPage(page)).toEqual([]);
    await join(page, 'Ada');
    await say(page, 'Hello');
    await messages(page).getByText('Hello').waitFor();
    await rowsOf(page).waitFor();
    expect(await auditPage(page)).toEqual([]);
    await context.close();
  });
});

/** Once every row has a line: the moment in which one of them is away, and has something to say. */
async function takePicture(ada: Page, bob: Page, path: string): Promise<void> {
  await say(bob, 'Every row over there is one of our sockets');
  await say(ada, 'And the lines are round-trip times');
  for (const line of await ada.locator('polyline').all()) {
    while (((await line.getAttribute('points')) ?? '').split(' ').length < 12) await ada.waitForTimeout(200);
  }
  await say(bob, 'Now cut one, and go on writing');
  await messages(ada).getByText('Now cut one').waitFor();
  await ada.evaluate(() => {
    Math.random = () => 0.8;
  });
  await ada.getByRole('button', { name: 'Cut the socket' }).click();
  await tileOf(ada).getByRole('timer').waitFor();
  await say(ada, 'Nothing is lost');
  await ada.getByText('1 message waits').waitFor();
  await ada.screenshot({ path, animations: 'disabled' });
  await messages(ada).getByText('Nothing is lost').waitFor();
}
