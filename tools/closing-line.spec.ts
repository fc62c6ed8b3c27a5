import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');
const cache = join(repository, 'node_modules/.cache');
let root: string;

beforeAll(async () => {
  await mkdir(cache, { recursive: true });
  // Inside the repository, because the fixtures import vitest by name.
  root = await mkdtemp(join(cache, 'closing-line-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

interface Run {
  code: number;
  lines: string[];
}

/** Runs vitest on one file made of `source` and returns its exit code and printed lines. */
async function runFixture(name: string, source: string, ci: boolean, retry = 0): Promise<Run> {
  const folder = join(root, name);
  await mkdir(folder);
  await writeFile(
    join(folder, 'fixture.spec.ts'),
    `import { beforeAll, describe, expect, it } from 'vitest';\n${source}`,
  );
  const reporters = ['default', join(import.meta.dirname, 'closing-line.ts')];
  const config = { test: { reporters, retry, include: ['*.spec.ts'] } };
  await writeFile(join(folder, 'vitest.config.js'), `export default ${JSON.stringify(config)};`);

  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--root', folder], {
    env: { PATH: process.env['PATH'], CI: String(ci) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [output, [code]] = await Promise.all([
    text(child.stdout),
    // 'close' carries the exit code, which is null only after a signal.
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code: code ?? -1, lines: output.trimEnd().split('\n') };
}

describe('closing line', () => {
  it.concurrent.each([
    [
      'all-pass',
      `it('a', () => expect(1).toBe(1)); it('b', () => expect(1).toBe(1));`,
      0,
      '2 passed, 0 failed, 0 skipped',
    ],
    [
      'skip',
      `it('a', () => expect(1).toBe(1)); it.skip('b', () => {}); it.todo('c');`,
      0,
      '1 passed, 0 failed, 2 skipped',
    ],
    [
      'failure',
      `it('a', () => expect(1).toBe(1)); it('b', () => expect(1).toBe(2));`,
      1,
      '1 passed, 1 failed, 0 skipped',
    ],
    ['load-error', `import './absent.js'; it('a', () => expect(1).toBe(1));`, 1, '0 passed, 1 failed, 0 skipped'],
    [
      'throwing-hook',
      `beforeAll(() => { throw new Error('x'); }); it('a', () => {});`,
      1,
      '0 passed, 1 failed, 1 skipped',
    ],
    ['late-rejection', `it('a', () => { void Promise.reject(new Error('x')); });`, 1, '1 passed, 1 failed, 0 skipped'],
    ['lost-worker', `it('a', () => process.kill(process.pid, 'SIGKILL'));`, 1, '0 passed, 2 failed, 0 skipped'],
  ])('%s', { timeout: 60_000 }, async (name, source, code, closing) => {
    const run = await runFixture(name, source, false);
    expect({ code: run.code, closing: run.lines.at(-1) }).toEqual({ code, closing });
  });

  it('fails a run with a skipped test when CI=true, and says so', { timeout: 60_000 }, async () => {
    const run = await runFixture('ci-skip', `it('a', () => expect(1).toBe(1)); it.skip('b', () => {});`, true);
    expect(run.code).toBe(1);
    expect(run.lines.slice(-2)).toEqual([
      'CI=true: 1 skipped, and a skipped test fails the run',
      '1 passed, 0 failed, 1 skipped',
    ]);
  });

  it('names what failed, and what passed only when it was tried again', { timeout: 60_000 }, async () => {
    const source = `let tries = 0;
      describe('suite', () => { it('moody', () => expect(++tries).toBe(2)); it('bad', () => expect(1).toBe(2)); });`;
    const run = await runFixture('flaky', source, false, 1);
    expect(run.code).toBe(1);
    expect(run.lines.slice(-3)).toEqual([
      'failed: fixture.spec.ts > suite > bad',
      'flaky: fixture.spec.ts > suite > moody',
      '1 passed, 1 failed, 0 skipped',
    ]);
  });
});
