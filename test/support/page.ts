import type { Browser, Locator, Page } from 'playwright-core';

/** Generous: a browser beside other tests on two cores takes its time, and what hangs is still found. */
export const patienceMs = 80_000;

/** A window of its own on the page at this address. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1380, height: 800 }, deviceScaleFactor: 2 });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(url);
  return page;
}

/**
 * The same, where time stands still until the test says otherwise, and half of each longest wait is waited: so that
 * what is shown while waiting can be looked at for as long as that takes. Nothing fades in or out either.
 */
export async function openPausedPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1380, height: 800 }, reducedMotion: 'reduce' });
  page.setDefaultTimeout(patienceMs);
  await page.addInitScript(() => {
    Math.random = () => 0.5;
  });
  const now = Date.now();
  await page.clock.install({ time: now });
  await page.clock.pauseAt(now + 1_000);
  await page.goto(url);
  return page;
}

export async function join(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await connected(page).waitFor();
}

export async function joinWithToken(page: Page, token: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Token' });
  if (!(await field.isVisible())) await page.getByText('Use my own token').click();
  await page.getByLabel('Your name').fill('Somebody');
  await field.fill(token);
  await page.getByRole('button', { name: 'Join' }).click();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** What the page shows of its connection. */
export function tileOf(page: Page): Locator {
  return page.locator('#link');
}

/** The same while it is connected. */
export function connected(page: Page): Locator {
  return tileOf(page).getByText('connected', { exact: true });
}

export function messages(page: Page): Locator {
  return page.getByRole('log', { name: 'Messages' });
}

export function rowsOf(page: Page): Locator {
  return page.locator('#connections tr:not(.leaving)');
}
