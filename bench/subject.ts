/** A server under measurement, in a process of its own: `node subject.js <name>`. */
import 'reflect-metadata';
import { drip } from './drip.js';
import { plainEcho, plainHandshake, plainSink } from './subjects/bare-ws.js';
import { holdfastCrowd, plainCrowd, publishToCrowd, socketIoCrowd } from './subjects/crowd.js';
import { holdfast, holdfastSink } from './subjects/holdfast.js';
import { nestAdapter } from './subjects/nest-adapter.js';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-node';
import { registerOpenTelemetry } from './subjects/open-telemetry.js';
import { socketIo } from './subjects/socket-io.js';
import { type Drip, largestBytes, type SubjectName } from './wire.js';

const subjects: Record<SubjectName, () => Promise<number>> = {
  ws: plainEcho,
  'ws-jwt': () => plainHandshake(true),
  nest: () => nestAdapter('plain'),
  'nest-full': () => nestAdapter('full'),
  'nest-user': () => nestAdapter('user'),
  'socket.io': socketIo,
  holdfast: () => holdfast('plain'),
  'holdfast-full': () => holdfast('full'),
  'holdfast-user': () => holdfast('user'),
  'holdfast-full-otel': async () => {
    registerOpenTelemetry();
    return holdfast('full');
  },
  'holdfast-full-unsampled': async () => {
    registerOpenTelemetry(new AlwaysOffSampler());
    return holdfast('full');
  },
  'holdfast-jwt': () => holdfast('jwt'),
  'ws-crowd': plainCrowd,
  'socket.io-crowd': socketIoCrowd,
  'holdfast-crowd': () => holdfastCrowd(0),
  'holdfast-crowd-log': () => holdfastCrowd(1_000),
  'ws-256k': () => plainSink(largestBytes['256k']),
  'ws-100m': () => plainSink(largestBytes['100m']),
  'holdfast-256k': () => holdfastSink(largestBytes['256k']),
  'holdfast-100m': () => holdfastSink(largestBytes['100m']),
};

const name = process.argv[2] ?? '';
if (!Object.hasOwn(subjects, name)) throw new Error(`Unknown subject "${name}"`);
// Checked by the line above.
const port = await subjects[name as SubjectName]();
process.on('message', (question) => {
  if (typeof question === 'object' && question !== null && 'publish' in question) {
    publishToCrowd(Number(question.publish));
    return;
  }
  if (typeof question === 'object') {
    // A question that is an object is of this kind.
    void drip(port, question as Drip).then((dripped) => process.send?.(dripped));
    return;
  }
  // Only asked for with --expose-gc, so that what is left is what is held.
  globalThis.gc?.();
  process.send?.({ heap: process.memoryUsage().heapUsed + process.memoryUsage().external });
});
process.send?.({ port });
