import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

/** `describe`, or its skipping twin. */
export type ConditionalDescribe = (title: string, body: () => void) => void;

/**
 * A `describe` for tests that need something besides Node: when `probe` gives a reason why it is not there, the tests
 * are skipped, and their title says why. With CI=true the run then fails: there everything is installed.
 *
 * ```ts
 * const describeInNamespaces = requires('network namespaces', netnsAvailable);
 * describeInNamespaces('a blackholed peer', () => { ... });
 * ```
 */
export function requires(name: string, probe: () => string | undefined): ConditionalDescribe {
  const reason = probe();
  if (reason === undefined) return (title, body) => describe(title, body);
  return (title, body) => {
    const stated = `${title} [skipped, needs ${name}: ${reason}]`;
    console.warn(stated);
    describe.skip(stated, body);
  };
}

/** Debian's Python, not one from elsewhere on the PATH: only that one has Debian's packages. */
export const systemPython = '/usr/bin/python3';

/** Why Debian's `python3-websockets` cannot be used; undefined when it can. */
export function pythonWebsocketsMissing(): string | undefined {
  return failureOf(systemPython, ['-c', 'import websockets']);
}

/** Why Chromium cannot be used; undefined when it can. */
export function chromiumMissing(): string | undefined {
  return failureOf('chromium', ['--version']);
}

/** Why a command does not succeed: not installed, or the last line of its complaint. */
export function failureOf(command: string, args: readonly string[]): string | undefined {
  const { error, status, signal, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  if (error) return `${command}: ${error.message}`;
  if (status === 0) return undefined;
  const complaint = stderr.trim().split('\n').at(-1);
  return `${command}: ${complaint === undefined || complaint === '' ? `ended with ${String(signal ?? status)}` : complaint}`;
}
