// Builds the demo service and runs it in this process. `npm start` that gets a signal ends its shell alone, which passes
// nothing on: without the look at the parent the service would go on, and keep its port.
import { setInterval } from 'node:timers';
import { buildService } from './build-service.js';

const { ppid } = process;
const lookEveryMs = 200;

if (await buildService()) {
  setInterval(() => {
    if (process.ppid !== ppid) process.kill(process.pid, 'SIGTERM');
  }, lookEveryMs).unref();
  await import('../dist/main.js');
} else {
  process.exitCode = 1;
}
