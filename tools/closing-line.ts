import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** Continuous integration has every server a test may ask for, so a skip there means that something was not tested. */
const skipsAreFailures = process.env['CI'] === 'true';

/** A module or suite can fail outside any test: a load error, a syntax error, a throwing hook. */
function countModule(module: TestModule, totals: Totals): void {
  const failedBefore = totals.failed;
  if (module.errors().length > 0) totals.failed++;
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) totals.failed++;
  }
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    // Still pending when the run is over: its worker died or the run was cut short.
    totals[state === 'pending' ? 'failed' : state]++;
  }
  if (module.state() === 'failed' && totals.failed === failedBefore) totals.failed++;
}

function countRun(
  modules: readonly TestModule[],
  unhandled: readonly SerializedError[],
  reason: TestRunEndReason,
): Totals {
  const totals: Totals = { passed: 0, failed: unhandled.length, skipped: 0 };
  for (const module of modules) countModule(module, totals);
  if (reason !== 'passed' && totals.failed === 0) totals.failed = 1;
  return totals;
}

function namesOf(modules: readonly TestModule[], filter: (test: TestCase) => boolean): string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests()].filter(filter).map((test) => `${module.relativeModuleId} > ${test.fullName}`),
  );
}

/**
 * Names the tests that failed or were flaky, and prints `N passed, N failed, N skipped` alone on the last line of a
 * run.
 *
 * It is written when the process exits, because coverage tables and late errors are printed after the run has ended.
 */
export default class ClosingLineReporter implements Reporter {
  // Replaced when a run ends: a process that leaves before that has not passed.
  #totals: Totals = { passed: 0, failed: 1, skipped: 0 };
  #notes: string[] = [];

  onInit(): void {
    process.once('exit', () => {
      this.#close();
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    this.#totals = countRun(modules, unhandled, reason);
    this.#notes = [
      ...namesOf(modules, (test) => test.result().state === 'failed').map((name) => `failed: ${name}`),
      // Passed, but not at once: nobody is to overlook that, and nobody has to start over for it.
      ...namesOf(modules, (test) => test.diagnostic()?.flaky === true).map((name) => `flaky: ${name}`),
    ];
  }

  #close(): void {
    const { passed, failed, skipped } = this.#totals;
    for (const note of this.#notes) console.log(note);
    if (skipsAreFailures && skipped > 0) {
      console.log(`CI=true: ${String(skipped)} skipped, and a skipped test fails the run`);
      process.exitCode = 1;
    }
    if (failed > 0) process.exitCode = 1;
    console.log(`${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`);
  }
}
