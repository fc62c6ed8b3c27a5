import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/**
 * Runs a command to its end.
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>} what it wrote to stdout; rejects with all its output when it fails
 */
export async function run(cwd, command, ...args) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/**
 * Runs the steps in order, stops at the first that fails, and ends the output with the closing line.
 * @param {Record<string, () => Promise<unknown>>} steps
 */
export async function runSteps(steps) {
  const entries = Object.entries(steps);
  let passed = 0;
  let failed = 0;
  for (const [name, step] of entries) {
    const started = performance.now();
    try {
      await step();
    } catch (error) {
      console.log(`FAILED  ${name}`);
      console.log(error instanceof Error ? error.stack : error);
      failed++;
      process.exitCode = 1;
      break;
    }
    console.log(`ok      ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    passed++;
  }
  console.log(`${passed} passed, ${failed} failed, ${entries.length - passed - failed} skipped`);
}
