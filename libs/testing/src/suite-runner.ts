/** The functions of a test runner that define tests. Those of vitest, jest, mocha and `node:test` fit. @publicApi */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** @throws TypeError when there is none. */
export function globalRunner(): SuiteRunner {
  const { describe, it } = globalThis as Partial<SuiteRunner>;
  if (describe && it) return { describe, it };
  throw new TypeError('There is no global describe and it: pass those of your test runner');
}
