// Builds the demo service and runs it in this process. `npm start` that gets a signal ends its shell alone, which passes
// nothing on: without the look at the parent the service would go on, and keep its port.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setInterval } from 'node:timers';

const root = join(import.meta.dirname, '..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-b', join(root, 'src')], { stdio: 'inherit' });

const { ppid } = process;
const lookEveryMs = 200;

if (status === 0) {
  setInterval(() => {
    if (process.ppid !== ppid) process.kill(process.pid, 'SIGTERM');
  }, lookEveryMs).unref();
  await import('./bundle-client.js');
  await import('../dist/main.js');
} else {
  process.exitCode = 1;
}
