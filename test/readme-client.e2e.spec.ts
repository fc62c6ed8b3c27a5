import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FaultProxy, type HoldfastTestApp } from '@holdfast/testing';
import type { Browser } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchChromium } from './support/chromium.js';
import { patienceMs } from './support/page.js';
import { programs, ReadmeApplication, ship } from './support/readme.js';
import { chromiumMissing, requires } from './support/requirement.js';
import { OutputLines } from './support/service-lines.js';

vi.setConfig({ testTimeout: 2 * patienceMs, hookTimeout: patienceMs });

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const codeOf = (name: string): string => programs.find(({ file }) => file === name)?.code ?? '';

let application: ReadmeApplication;
let app: HoldfastTestApp;
let token: string;

beforeAll(async () => {
  application = ReadmeApplication.create();
  app = await application.start();
  token = application.token();
  application.moveTo(app.port);
});
afterAll(async () => {
  await app.close();
  application[Symbol.dispose]();
});

const describeInBrowser = requires('Chromium', chromiumMissing);

describeInBrowser('the client of the README on a page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  it.each([
    ['with a bundler', bundled],
    ['without a bundler', unbundled],
  ])('shows its state, asks, is told, and comes back after a deploy: %s', async (_, files) => {
    const before = await application.start();
    await using after = await application.start();
    await using front = await FaultProxy.start(before.port);
    const page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    application.serve({ '/token': token, ...(await files()) });
    await page.goto(front.httpUrl('/'));

    await page.getByText('connected', { exact: true }).waitFor();
    await page.getByText('ada follows 42').waitFor();
    await ship(before, '42', token);
    await page.getByText('42 is on its way').waitFor();

    front.leadTo(after.port);
    await before.close();
    await page.getByText('ada follows 42').waitFor();
    await page.getByText('connected', { exact: true }).waitFor();
    await ship(after, '42', token);
    await page.getByText('42 is on its way').waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each([
    ['is refused', { '/token': 'nobody' }, /^failed: .*token/],
    ['is not there for somebody who is not signed in', { '/token': 401 }, /^failed: .*token/],
    ['cannot be had just now', { '/token': 503 }, /^waiting: The token provider failed/],
  ])('says on the page that a token %s', async (_, files, state) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    application.serve({ ...unbundled(), ...files });
    await page.goto(app.httpUrl());
    await page.getByText(state).waitFor();
    await page.close();
  });

  async function bundled(): Promise<Record<string, string>> {
    expect(application.compile('web', { lib: ['ES2023', 'DOM'], types: [] })).toBe('');
    const bundle = await rolldown({ input: application.path('web/orders.ts'), platform: 'browser' });
    const { output } = await bundle.generate({ format: 'esm' });
    await bundle.close();
    expect(output).toHaveLength(1);
    const body = '<p id="state"></p><p id="order"></p><script type="module" src="/orders.js"></script>';
    return { '/': body, '/orders.js': output[0].code };
  }

  function unbundled(): Record<string, string> {
    const bundle = join(root, 'node_modules/@holdfast/client/dist/holdfast-client.min.js');
    return { '/': codeOf('public/index.html'), '/holdfast-client.js': readFileSync(bundle, 'utf8') };
  }
});

describe('the client of the README in Node', () => {
  const withWs = codeOf('node/follow-orders.ts');
  const withoutWs = withWs.replace(/^import .* 'ws';.*\n/m, '').replace(/^ {2}WebSocket,\n/m, '');

  it('prints what the README says, with ws and, where Node has one, with its own WebSocket', async () => {
    application.write('node/without-ws.ts', withoutWs.replaceAll('localhost:3000', `127.0.0.1:${app.port}`));
    expect(withoutWs).not.toContain("ws'");
    expect(application.compile('node', { lib: ['ES2023', 'DOM'], types: ['node'] })).toBe('');
    const promised = [...readme.matchAll(/^It prints `(connecting .*?)`, `(.*?)` and `(.*?)`; .* `(.*?)`/gm)]
      .flat()
      .slice(1);
    expect(promised).toHaveLength(4);
    const programs = ['follow-orders.js', ...('WebSocket' in globalThis ? ['without-ws.js'] : [])];
    const outputs = programs.map((file) => new OutputLines(application.path(`built/node/${file}`), { TOKEN: token }));
    for (const lines of outputs) {
      for (const line of promised.slice(0, 3)) expect((await lines.next()).trim()).toBe(line);
    }
    await ship(app, '42', token);
    for (const lines of outputs) expect(await lines.next()).toBe('shipped 42');
    await app.close();
    for (const lines of outputs) {
      expect((await lines.next()).trim()).toBe(promised[3]);
      lines.stop();
    }
  });
});
