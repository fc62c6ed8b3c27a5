import { describe, expect, it } from 'vitest';
import { failureOf } from './requirement.js';

describe('failureOf', () => {
  it('is undefined for a command that succeeds', () => {
    expect(failureOf(process.execPath, ['-e', ''])).toBeUndefined();
  });

  it('names what is not installed', () => {
    expect(failureOf('holdfast-no-such-command', [])).toMatch(/^holdfast-no-such-command: .*ENOENT/);
  });

  it('gives the last line of a complaint, or the exit code', () => {
    expect(failureOf(process.execPath, ['-e', 'console.error("a\\nb"); process.exit(3)'])).toMatch(/: b$/);
    expect(failureOf(process.execPath, ['-e', 'process.exit(3)'])).toMatch(/: ended with 3$/);
  });
});
