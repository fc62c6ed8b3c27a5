import type { HoldfastOptions } from '@holdfast/gateway';
import { Chance } from './chance.js';

/** So few that all of them can be taken to see that they are free. */
export const maxConnections = 40;

/** Options that put limits where the fuzzer reaches them, other ones for each seed. */
export function drawOptions(seed: number): HoldfastOptions {
  const chance = new Chance(seed);
  const maxPayloadBytes = chance.of([1_024, 16_384, 262_144]);
  return {
    admission: {
      maxConnections,
      handshakeTimeoutMs: chance.of([100, 1_000]),
      handshakeRate: { limit: 1_000, windowMs: 1_000 },
      headerBytes: chance.of([0, 4_096]),
    },
    heartbeat: { intervalMs: chance.of([0, 1_000, 25_000]) },
    messages: {
      maxPayloadBytes,
      inboxBytes: chance.of([262_144, 1_048_576]),
      inboxMessages: chance.of([1, 256]),
      maxViolations: chance.of([0, 20]),
      maxStreams: chance.of([1, 100]),
      maxMembers: chance.of([10, 4_096]),
      handlerTimeoutMs: chance.of([30, 30_000]),
      bytesPerSecond: chance.of([1_048_576, 8_388_608]),
      unfinishedBytes: chance.of([1_048_576, 67_108_864]),
    },
    outbox: {
      highWaterBytes: chance.of([8_192, 1_048_576]),
      lowWaterBytes: 4_096,
      overflow: chance.of(['close', 'refuse', 'drop']),
    },
    lifecycle: {
      connectTimeoutMs: chance.of([20, 1_000]),
      helloTimeoutMs: chance.of([50, 1_000]),
      closeTimeoutMs: 200,
    },
  };
}
