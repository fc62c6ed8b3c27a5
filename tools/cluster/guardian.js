// Ends what the cluster has started, and removes its folder, when the process that started this one is gone, however
// that ended. Each line of its input is the whole list: {"folder": "...", "groups": [1, 2]}.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** @type {{ folder?: string; groups: number[] }} */
let charge = { groups: [] };
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  charge = JSON.parse(line);
});
input.on('close', () => {
  for (const group of charge.groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  if (charge.folder !== undefined) rmSync(charge.folder, { recursive: true, force: true, maxRetries: 5 });
});
