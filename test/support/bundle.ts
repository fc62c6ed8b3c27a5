import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, defaultServerConditions } from 'vite';
import { directAlias } from '../../tools/without-direct.js';

// Inside the workspace, so that what is not bundled is found.
const folder = join(import.meta.dirname, '../../node_modules/.cache/test-programs');
const staleAfterMs = 3_600_000;

/**
 * Makes one script for plain Node of a TypeScript program in `fixtures` and the sources of the libraries, so that a
 * process of its own can run it without a build. Returns its path.
 */
export async function bundle(program: string): Promise<string> {
  const code = await compile(program);
  // Named by its content: test files that run at once share it, and a change of the sources disturbs no other.
  const name = basename(program, '.ts');
  const path = join(folder, `${name}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.js`);
  await mkdir(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, code);
  await rename(draft, path);
  await sweep(name);
  return path;
}

async function compile(program: string): Promise<string> {
  const conditions = ['@holdfast/source', ...defaultServerConditions];
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
    resolve: { conditions, alias: directAlias },
    ssr: { resolve: { conditions }, noExternal: [/^@holdfast\//] },
    build: { ssr: join(import.meta.dirname, 'fixtures', program), write: false, minify: false },
  });
  if (!('output' in built)) throw new TypeError('one program makes one bundle');
  const [{ code }, ...others] = built.output;
  if (others.length > 0) throw new TypeError(`${program} makes more than one file`);
  return code;
}

/** Bundles of sources as they were an hour ago are of no use to anybody. */
async function sweep(name: string): Promise<void> {
  const now = Date.now();
  for (const file of await readdir(folder)) {
    if (!file.startsWith(`${name}-`)) continue;
    const path = join(folder, file);
    // Another test file may be sweeping too.
    const modified = (await stat(path).catch(() => undefined))?.mtimeMs ?? now;
    if (now - modified > staleAfterMs) await rm(path, { force: true });
  }
}
