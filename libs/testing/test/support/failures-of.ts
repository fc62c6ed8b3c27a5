import type { SuiteRunner } from '../../src/index.js';

/** Runs what a conformance suite defines, and says which of its tests failed. */
export async function failuresOf(define: (runner: SuiteRunner) => void): Promise<{ failed: string[]; tests: number }> {
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  const path: string[] = [];
  define({
    describe: (name, body) => {
      path.push(name);
      body();
      path.pop();
    },
    it: (name, body) => tests.push({ name: [...path.slice(1), name].join(' '), body }),
  });
  const failed: string[] = [];
  for (const { name, body } of tests) {
    await body().catch(() => {
      failed.push(name);
    });
  }
  return { failed, tests: tests.length };
}
