import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HoldfastTestApp } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pages, programs, ReadmeApplication, ship } from './support/readme.js';
import { OutputLines } from './support/service-lines.js';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('the five-minute path', () => {
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

  it('has a name for each piece of code, so that each is compiled and run here or in readme-client.e2e.spec.ts', () => {
    expect(programs.map(({ file }) => file)).toEqual([
      'src/app.module.ts',
      'src/orders.gateway.ts',
      'src/orders.controller.ts',
      'sign-token.mjs',
      'follow-order.mjs',
      'shared/orders-events.ts',
      'web/orders.ts',
      'public/index.html',
      'node/follow-orders.ts',
      'src/knock.feature.ts',
      'src/main.ts',
    ]);
  });

  it('compiles strictly', () => {
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
    expect(application.compile('src', { lib: ['ES2023'], types: ['node'], ...decorators })).toBe('');
  }, 120_000);

  it('works from Node, and prints what the README says', async () => {
    const lines = new OutputLines(application.path('follow-order.mjs'), { TOKEN: token });
    const [, promised = ''] = /It prints `(\{.*?\})`/.exec(readme) ?? [];
    expect(JSON.parse(await lines.next())).toEqual(JSON.parse(promised));
    await ship(app, '42', token);
    expect(JSON.parse(await lines.next())).toEqual({ event: 'shipped', data: { id: '42' } });
    await app.close();
    expect(await lines.next()).toBe('closed 1012 service restart');
  });

  it('starts with the JSON log of docs/telemetry.md', async () => {
    // The program of the page itself, in this process: it is TypeScript.
    vi.stubEnv('PORT', '0');
    const lines: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
      lines.push(String(line));
      return true;
    });
    try {
      await import(pathToFileURL(application.path('src/main.ts')).href);
    } finally {
      write.mockRestore();
    }
    const message: unknown = expect.stringContaining('started');
    expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'log', context: 'NestApplication', message }),
    );
  });

  it('refuses a stranger as the README says', async () => {
    await using again = await application.start(false);
    const [client] = programs.filter(({ file }) => file === 'follow-order.mjs');
    application.write('stranger.mjs', client?.code.replace('localhost:3000', `127.0.0.1:${again.port}`) ?? '');
    const lines = new OutputLines(application.path('stranger.mjs'), { TOKEN: 'nobody' });
    expect(readme).toContain(await lines.next());
  });
});

describe('README.md', () => {
  it('has the commands that start and test everything, where CI looks for them', () => {
    const marked = /<!-- test-command -->([^]*?)<!-- \/test-command -->/.exec(readme)?.[1];
    expect(marked?.trim()).toBe('```sh\nnpm ci && npm test\n```');
    expect(readme).toContain('```sh\nnpm ci && npm start\n```');
  });

  it('has every variable that the service reads, and no other', () => {
    const source = readFileSync(join(root, 'src/config/environment.ts'), 'utf8');
    const read = [...source.matchAll(/^ {2}([A-Z_]+)\?:/gm)].map(([, name]) => name);
    const [section = ''] = /^## Configuration of the service$[^]*?^## /m.exec(readme) ?? [];
    const documented = [...section.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);
    expect(read.length).toBeGreaterThan(10);
    expect(documented.sort()).toEqual(read.sort());
  });

  it.each(pages)('links to nothing that is not there: %s', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)];
    const broken = links
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(page), target)));
    expect(broken).toEqual([]);
  });
});
