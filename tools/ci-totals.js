// Sums what the steps of a CI run counted: node tools/ci-totals.js STEPS
//
// STEPS has one line per step, its fields separated by tabs: kind, name, exit code, log file. A step of kind `tests`
// ends with `N passed, N failed, N skipped`; a step of kind `command` counts nothing and only succeeds or fails.
import { readFileSync } from 'node:fs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

/** @param {string} file */
function readPlain(file) {
  // eslint-disable-next-line no-control-regex -- colour codes begin with a control character
  return readFileSync(file, 'utf8').replaceAll(/\u001b\[[\d;]*m/g, '');
}

/**
 * @param {string} log
 * @returns {Totals | undefined} what the last closing line of the log says
 */
function readClosingLine(log) {
  const last = [...log.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped\r?$/gm)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3]) };
}

/**
 * @param {string} kind
 * @param {number} exitCode
 * @param {string} log
 * @returns {Totals}
 */
function countStep(kind, exitCode, log) {
  const counts = readClosingLine(log);
  const totals = kind === 'tests' && counts ? counts : { passed: 0, failed: 0, skipped: 0 };
  // Tests that never said how they ended did not pass, even when something swallowed their exit code.
  const broken = exitCode !== 0 || (kind === 'tests' && !counts);
  if (broken && totals.failed === 0) totals.failed = 1;
  return totals;
}

const [stepsFile] = process.argv.slice(2);
if (stepsFile === undefined) throw new Error('usage: node tools/ci-totals.js STEPS');

const steps = readFileSync(stepsFile, 'utf8').split('\n').filter(Boolean);
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const step of steps) {
  const [kind = '', name = '', exitCode = '', file = ''] = step.split('\t');
  const log = readPlain(file);
  const { passed, failed, skipped } = countStep(kind, Number(exitCode), log);
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
  const counted = kind === 'tests' ? ` (${passed} passed, ${failed} failed, ${skipped} skipped)` : '';
  console.log(`${failed === 0 ? 'ok    ' : 'FAILED'}  ${name}${counted}`);
  for (const [note] of kind === 'tests' ? log.matchAll(/^(failed|flaky): .+$/gm) : []) console.log(`        ${note}`);
}
// A run in which no step was reached has proven nothing.
if (steps.length === 0) sum.failed = 1;
if (sum.failed > 0) process.exitCode = 1;
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
