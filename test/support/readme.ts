import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HoldfastTestApp } from '@holdfast/testing';
import { expect, vi } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** What users read. */
export const pages = [
  'README.md',
  'SECURITY.md',
  'libs/redis/README.md',
  'deploy/README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

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
    file: /^(?:\/\/|<!--) (\S+)(?: -->)?\n/.exec(code)?.[1],
    code,
  }));
});

/** All the code that is in these pages. */
export const programs = snippets.filter(({ language }) => /^(js|mjs|ts|javascript|typescript|html)$/.test(language));

/** By path: the content, or the status of an answer without any. */
type Files = Readonly<Record<string, string | number>>;

/** The application of somebody who did what the README says. Outside the repository, as theirs is. */
export class ReadmeApplication implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-readme-'));
  #files: Files = {};

  private constructor() {
    this.write('package.json', JSON.stringify({ type: 'module' }));
    symlinkSync(join(root, 'node_modules'), this.path('node_modules'));
    for (const { file = 'unnamed', code } of programs) this.write(file, code);
  }

  /** With the code of the pages in it, and what reads its secret told one. */
  static create(): ReadmeApplication {
    vi.stubEnv('JWT_SECRET', 'the secret of somebody who reads the README');
    return new ReadmeApplication();
  }

  path(file: string): string {
    return join(this.#folder, file);
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), content);
  }

  /** Where the README says localhost:3000, this application is elsewhere. */
  moveTo(port: number): void {
    for (const { file = '', code } of programs)
      this.write(file, code.replaceAll('localhost:3000', `127.0.0.1:${port}`));
  }

  /** What the front end of the reader serves from now on, at the address of the application. */
  serve(files: Files): void {
    this.#files = files;
  }

  /** Compiles one of its folders strictly, against the packages as they are built; returns the complaints. */
  compile(folder: string, options: { lib: string[]; types: string[] } & Record<string, unknown>): string {
    const compilerOptions = {
      ...{ strict: true, target: 'ES2023', module: 'nodenext', noUnusedLocals: true, skipLibCheck: true },
      ...{ rootDir: '.', outDir: 'built', ...options },
    };
    const config = `tsconfig.${folder}.json`;
    this.write(config, JSON.stringify({ compilerOptions, include: [folder] }));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    return spawnSync(process.execPath, [compiler, '-p', this.path(config)], { encoding: 'utf8' }).stdout;
  }

  /** The server, listening. */
  start(logger: false | ('error' | 'warn')[] = ['error', 'warn'], folder = 'src'): Promise<HoldfastTestApp> {
    return HoldfastTestApp.start(async () => {
      // What the snippet exports, by its own words.
      const file = pathToFileURL(this.path(`${folder}/app.module.ts`)).href;
      const { AppModule } = (await import(file)) as { AppModule: Type };
      const app = await NestFactory.create(AppModule, { logger });
      app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        const { url = '' } = request;
        const file = this.#files[url];
        if (file === undefined) next();
        else if (typeof file === 'number') response.writeHead(file).end();
        else response.setHeader('Content-Type', contentTypeOf(url)).end(file);
      });
      return app;
    });
  }

  token(): string {
    return execFileSync(process.execPath, [this.path('sign-token.mjs')], { encoding: 'utf8' }).trim();
  }

  [Symbol.dispose](): void {
    vi.unstubAllEnvs();
    rmSync(this.#folder, { recursive: true });
  }
}

function contentTypeOf(path: string): string {
  if (path === '/') return 'text/html';
  return path.endsWith('.js') ? 'text/javascript' : 'text/plain';
}

/** What the README's controller is for. */
export async function ship(app: HoldfastTestApp, id: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(app.httpUrl(`/orders/${id}/shipped`), { method: 'POST', headers });
  expect(response.status).toBe(201);
}
