import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HoldfastTestApp } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pages, programs, ReadmeApplication, ship } from './support/readme.js';
import { OutputLines } from './support/service-lines.js';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const gateways = readFileSync(join(root, 'docs/gateways.md'), 'utf8');

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

  it('has a name for each piece of code, so that each is compiled and run here, in another test of these pages', () => {
    expect(programs.map(({ file }) => file)).toEqual([
      'src/app.module.ts',
      'src/orders.gateway.ts',
      'src/orders.controller.ts',
      'sign-token.mjs',
      'node/follow-orders.ts',
      'redis/app.module.ts',
      'redis/by-node-redis.ts',
      'redis/by-sentinel.ts',
      'redis/by-cluster.ts',
      'src/knock.feature.ts',
      'shared/orders-events.ts',
      'web/orders.ts',
      'public/index.html',
      'rooms/room.gateway.ts',
      'rooms/ban.service.ts',
      'rooms/article.gateway.ts',
      'follow-order.mjs',
      'moved/chat.gateway.ts',
      'moved/charging.gateway.ts',
      'moved/lines.gateway.ts',
      'live/app.module.ts',
      'live/depot.service.ts',
      'live/depot.gateway.ts',
      'live/follow-depot.ts',
      'src/main.ts',
      'src/orders.gateway.spec.ts',
    ]);
  });

  it('compiles strictly, and is tested as docs/testing.md says', () => {
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
    expect(application.compile('src', { lib: ['ES2023'], types: ['node'], ...decorators })).toBe('');
    const spec = application.path('built/src/orders.gateway.spec.js');
    const { status, stdout } = spawnSync(process.execPath, ['--test', spec], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/pass 2\n/)]);
  }, 120_000);

  it('works from any client, and prints what docs/gateways.md says', async () => {
    const lines = new OutputLines(application.path('follow-order.mjs'), { TOKEN: token });
    const [, promised = ''] = /It prints `(\{.*?\})`/.exec(gateways) ?? [];
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

  it('rejects a client without a token as docs/gateways.md says', async () => {
    await using again = await application.start(false);
    const [client] = programs.filter(({ file }) => file === 'follow-order.mjs');
    application.write('stranger.mjs', client?.code.replace('localhost:3000', `127.0.0.1:${again.port}`) ?? '');
    const lines = new OutputLines(application.path('stranger.mjs'), { TOKEN: 'nobody' });
    expect(gateways).toContain(await lines.next());
  });
});

describe('README.md', () => {
  it('is read in one sitting', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(170);
  });

  it('has the commands that start and test everything, where CI looks for them', () => {
    const marked = /<!-- test-command -->([^]*?)<!-- \/test-command -->/.exec(readme)?.[1];
    expect(marked?.trim()).toBe('```sh\nnpm ci && npm test\n```');
    expect(readme).toContain('```sh\nnpm ci && npm start\n```');
  });

  it('has every variable that the service reads, and no other', () => {
    const source = readFileSync(join(root, 'src/config/environment.ts'), 'utf8');
    const read = [...source.matchAll(/^ {2}([A-Z_]+)\?:/gm)].map(([, name]) => name);
    const service = readFileSync(join(root, 'docs/service.md'), 'utf8');
    const [section = ''] = /^## Configuration of the service$[^]*?^## /m.exec(service) ?? [];
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
