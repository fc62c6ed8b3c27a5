import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = join(import.meta.dirname, 'ci-totals.js');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ci-totals-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Step {
  kind: 'tests' | 'command';
  exitCode: number;
  log: string;
}

function totalsOf(...steps: Step[]): { exitCode: number | null; closing: string | undefined } {
  const lines = steps.map(({ kind, exitCode, log }, index) => {
    const file = join(folder, `${index}.log`);
    writeFileSync(file, log);
    return `${kind}\tstep ${index}\t${exitCode}\t${file}\n`;
  });
  const stepsFile = join(folder, 'steps');
  writeFileSync(stepsFile, lines.join(''));
  const { status, stdout } = spawnSync(process.execPath, [script, stepsFile], { encoding: 'utf8' });
  return { exitCode: status, closing: stdout.trimEnd().split('\n').at(-1) };
}

describe('CI totals', () => {
  it('adds up the closing lines of all test steps', () => {
    const first: Step = { kind: 'tests', exitCode: 0, log: 'noise\n10 passed, 0 failed, 1 skipped\n' };
    const second: Step = { kind: 'tests', exitCode: 0, log: '5 passed, 0 failed, 0 skipped' };
    expect(totalsOf(first, second)).toEqual({ exitCode: 0, closing: '15 passed, 0 failed, 1 skipped' });
  });

  it('reads the last closing line of a log, through colours and Windows line ends', () => {
    const log = '1 passed, 1 failed, 0 skipped\n\u001b[32m7 passed, 0 failed, 0 skipped\u001b[39m\r\ntrailing words\n';
    expect(totalsOf({ kind: 'tests', exitCode: 0, log })).toEqual({
      exitCode: 0,
      closing: '7 passed, 0 failed, 0 skipped',
    });
  });

  it('ignores a closing line quoted inside another line', () => {
    const log = 'expected "3 passed, 0 failed, 0 skipped"\n';
    expect(totalsOf({ kind: 'tests', exitCode: 0, log }).closing).toBe('0 passed, 1 failed, 0 skipped');
  });

  it('counts a command that fails as one failure, and one that succeeds as nothing', () => {
    const log = '9 passed, 9 failed, 9 skipped\n';
    const good: Step = { kind: 'command', exitCode: 0, log };
    const bad: Step = { kind: 'command', exitCode: 2, log };
    expect(totalsOf(good, bad)).toEqual({ exitCode: 1, closing: '0 passed, 1 failed, 0 skipped' });
  });

  it('counts a failure for tests that report none but exit with an error', () => {
    const step: Step = { kind: 'tests', exitCode: 1, log: '4 passed, 0 failed, 2 skipped\n' };
    expect(totalsOf(step)).toEqual({ exitCode: 1, closing: '4 passed, 1 failed, 2 skipped' });
  });

  it('does not count a failure twice', () => {
    const step: Step = { kind: 'tests', exitCode: 1, log: '4 passed, 3 failed, 0 skipped\n' };
    expect(totalsOf(step)).toEqual({ exitCode: 1, closing: '4 passed, 3 failed, 0 skipped' });
  });

  it('fails a run without any step', () => {
    expect(totalsOf()).toEqual({ exitCode: 1, closing: '0 passed, 1 failed, 0 skipped' });
  });
});
