import type { ServerOptions } from 'ws';
import { LinkedWebSocket } from '../connection/index.js';

/** What a peer may send on one path. */
export interface PayloadLimits {
  readonly maxPayloadBytes: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
}

/**
 * Answers to pings that may wait for a peer before it is cut. The 60 of `ws` would cut a lawful one that pings every
 * second and was not read for a minute. With many more, a flood of pings from several connections would delay the
 * others: `npm run bench -- fairness`, row `pings`.
 */
const maxPendingAutoPongs = 250;

/**
 * What the server of `ws` is told. All of its limits are set here, and so is whatever else would change what a peer may
 * do, so that a new version with other defaults changes nothing; `ws-options.spec.ts` fails when it has an option that
 * is not decided yet. `maxBufferedChunks`, `maxFragments`, `closeTimeout`, `maxPendingAutoPongs` and `autoPong` are
 * missing in its published types.
 */
export function wsOptions(settings: PayloadLimits, closeTimeoutMs: number): ServerOptions<typeof LinkedWebSocket> {
  const known = {
    noServer: true,
    WebSocket: LinkedWebSocket,
    clientTracking: false,
    maxPayload: settings.maxPayloadBytes,
    perMessageDeflate: false,
    // Messages of one chunk in one turn of the event loop: waiting for the next one would cost each of them a timer.
    allowSynchronousEvents: true,
    skipUTF8Validation: false,
  };
  const { maxBufferedChunks, maxFragments } = settings;
  return Object.assign(known, {
    maxBufferedChunks,
    maxFragments,
    closeTimeout: closeTimeoutMs,
    maxPendingAutoPongs,
    autoPong: true,
  });
}
