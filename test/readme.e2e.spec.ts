import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HoldfastTestApp } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { OutputLines } from './support/service-lines.js';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const pages = [
  'README.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const secret = 'the secret of somebody who reads the README';

interface Snippet {
  readonly page: string;
  readonly language: string;
  /** From the comment in its first line; undefined if there is none. */
  readonly file: string | undefined;
  readonly code: string;
}

const snippets = pages.flatMap((page): Snippet[] => {
  const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```(\w+)\n([^]*?)^```$/gm);
  return [...blocks].map(([, language = '', code = '']) => ({
    page,
    language,
    file: /^\/\/ (\S+)\n/.exec(code)?.[1],
    code,
  }));
});
const programs = snippets.filter(({ language }) => /^(js|mjs|ts|javascript|typescript)$/.test(language));

/** The application of somebody who did what the README says. Outside the repository, as theirs is. */
const application = mkdtempSync(join(tmpdir(), 'holdfast-readme-'));
const inApplication = (file: string): string => join(application, file);

describe('the five-minute path', () => {
  let app: HoldfastTestApp;
  let token: string;

  beforeAll(async () => {
    for (const { file = 'unnamed', code } of programs) write(file, code);
    write('package.json', JSON.stringify({ type: 'module' }));
    symlinkSync(join(root, 'node_modules'), inApplication('node_modules'));
    vi.stubEnv('JWT_SECRET', secret);
    const { AppModule } = (await import(pathToFileURL(inApplication('src/app.module.ts')).href)) as { AppModule: Type };
    app = await HoldfastTestApp.start(() => NestFactory.create(AppModule, { logger: ['error', 'warn'] }));
    token = execFileSync(process.execPath, [inApplication('sign-token.mjs')], { encoding: 'utf8' }).trim();
    // Where the README says localhost:3000, this application is elsewhere.
    for (const { file = '', code } of programs) write(file, code.replaceAll('localhost:3000', `127.0.0.1:${app.port}`));
  });
  afterAll(async () => {
    await app.close();
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
    rmSync(application, { recursive: true });
  });

  it('has a name for each piece of code, so that each is compiled and run here', () => {
    expect(programs.map(({ file }) => file)).toEqual([
      'src/app.module.ts',
      'src/orders.gateway.ts',
      'src/orders.controller.ts',
      'sign-token.mjs',
      'public/follow-order.js',
      'follow-order.mjs',
      'src/main.ts',
    ]);
  });

  it('compiles strictly', () => {
    const compilerOptions = { composite: false, noEmit: true, rootDir: '/' };
    write(
      'tsconfig.json',
      JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['src'] }),
    );
    const compiled = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', application], {
      encoding: 'utf8',
    });
    expect(compiled.stdout).toBe('');
    expect(compiled.status).toBe(0);
  }, 120_000);

  it('works from a browser', async () => {
    vi.stubGlobal('WebSocket', WebSocket);
    // What the snippet exports, by its own words.
    const { followOrder } = (await import(pathToFileURL(inApplication('public/follow-order.js')).href)) as {
      followOrder: (token: string, id: string, onFrame: (frame: unknown) => void) => WebSocket;
    };
    const frames: unknown[] = [];
    const socket = followOrder(token, '42', (frame) => frames.push(frame));
    await vi.waitFor(() => {
      expect(frames).toEqual([{ event: '$reply', data: { following: '42', as: 'ada' }, id: 1 }]);
    });
    await ship('42');
    await vi.waitFor(() => {
      expect(frames[1]).toEqual({ event: 'shipped', data: { id: '42' } });
    });
    socket.close();
  });

  it('works from Node, and prints what the README says', async () => {
    const lines = new OutputLines(inApplication('follow-order.mjs'), { TOKEN: token });
    const [, promised = ''] = /It prints `(\{.*?\})`/.exec(readme) ?? [];
    expect(JSON.parse(await lines.next())).toEqual(JSON.parse(promised));
    await ship('42');
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
      await import(pathToFileURL(inApplication('src/main.ts')).href);
    } finally {
      write.mockRestore();
    }
    const message: unknown = expect.stringContaining('started');
    expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'log', context: 'NestApplication', message }),
    );
  });

  it('refuses a stranger as the README says', async () => {
    await using again = await HoldfastTestApp.start(async () => {
      const { AppModule } = (await import(pathToFileURL(inApplication('src/app.module.ts')).href)) as {
        AppModule: Type;
      };
      return NestFactory.create(AppModule, { logger: false });
    });
    const [client] = programs.filter(({ file }) => file === 'follow-order.mjs');
    write('stranger.mjs', client?.code.replace('localhost:3000', `127.0.0.1:${again.port}`) ?? '');
    const lines = new OutputLines(inApplication('stranger.mjs'), { TOKEN: 'nobody' });
    expect(readme).toContain(await lines.next());
  });

  async function ship(id: string): Promise<void> {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(app.httpUrl(`/orders/${id}/shipped`), { method: 'POST', headers });
    expect(response.status).toBe(201);
  }
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

function write(file: string, content: string): void {
  const path = inApplication(file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
