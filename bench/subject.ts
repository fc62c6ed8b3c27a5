/** A server under measurement, in a process of its own: `node subject.js <name>`. */
import 'reflect-metadata';
import { plainEcho, plainHandshake } from './subjects/bare-ws.js';
import { holdfast } from './subjects/holdfast.js';
import { nestAdapter } from './subjects/nest-adapter.js';
import { registerOpenTelemetry } from './subjects/open-telemetry.js';
import { socketIo } from './subjects/socket-io.js';
import type { SubjectName } from './wire.js';

const subjects: Record<SubjectName, () => Promise<number>> = {
  ws: plainEcho,
  'ws-jwt': () => plainHandshake(true),
  nest: () => nestAdapter('plain'),
  'nest-full': () => nestAdapter('full'),
  'socket.io': socketIo,
  holdfast: () => holdfast('plain'),
  'holdfast-full': () => holdfast('full'),
  'holdfast-full-otel': async () => {
    registerOpenTelemetry();
    return holdfast('full');
  },
  'holdfast-jwt': () => holdfast('jwt'),
};

const name = process.argv[2] ?? '';
if (!Object.hasOwn(subjects, name)) throw new Error(`Unknown subject "${name}"`);
// Checked by the line above.
const port = await subjects[name as SubjectName]();
process.on('message', () => {
  // Only asked for with --expose-gc, so that what is left is what is held.
  globalThis.gc?.();
  process.send?.({ heap: process.memoryUsage().heapUsed + process.memoryUsage().external });
});
process.send?.({ port });
