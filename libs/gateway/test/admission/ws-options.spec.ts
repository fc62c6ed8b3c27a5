import { WebSocketServer } from 'ws';
import { describe, expect, it } from 'vitest';
import { wsOptions } from '../../src/admission/ws-options.js';
import { LinkedWebSocket } from '../../src/connection/linked-web-socket.js';
import { endpointSettings } from '../../src/gateways/endpoint-settings.js';
import { resolveOptions } from '../../src/module/resolve-options.js';

const { messages } = resolveOptions({}, false);

/** Everything that `ws` can be told, as of the version that is installed. */
function optionsOf(server: WebSocketServer): Record<string, unknown> {
  return { ...server.options };
}

/**
 * Options that are about listening, which the servers of Holdfast leave to Nest, and hooks that the admission replaces.
 */
const notUsed = ['backlog', 'handleProtocols', 'host', 'path', 'port', 'server', 'verifyClient'];

describe('ws', () => {
  it('has no option that is not decided: a new one is to be set in ws-options.ts, or named here', () => {
    const decided = [...Object.keys(wsOptions(endpointSettings(messages, undefined), 5_000)), ...notUsed];
    expect(Object.keys(optionsOf(new WebSocketServer({ noServer: true }))).sort()).toEqual(decided.sort());
  });

  it('is told every limit that it knows', () => {
    const server = new WebSocketServer(wsOptions(endpointSettings(messages, undefined), 5_000));
    expect(optionsOf(server)).toEqual({
      ...Object.fromEntries(notUsed.map((name) => [name, null])),
      WebSocket: LinkedWebSocket,
      allowSynchronousEvents: true,
      autoPong: true,
      clientTracking: false,
      closeTimeout: 5_000,
      maxBufferedChunks: 4_096,
      maxFragments: 1_024,
      maxPayload: 262_144,
      maxPendingAutoPongs: 250,
      noServer: true,
      perMessageDeflate: false,
      skipUTF8Validation: false,
    });
  });
});

describe('how many parts a message may have', () => {
  it.each([
    [128, 1_024, 4_096],
    [524_288, 1_024, 4_096],
    [524_289, 1_025, 4_096],
    [2_097_152, 4_096, 4_096],
    [2_097_153, 4_097, 4_097],
    [104_857_600, 204_800, 204_800],
  ])('of %i bytes at most: %i fragments, and %i chunks of each', (maxPayload, maxFragments, maxBufferedChunks) => {
    const expected = { maxPayloadBytes: maxPayload, maxFragments, maxBufferedChunks };
    expect(endpointSettings(messages, maxPayload)).toEqual(expected);
    const everywhere = resolveOptions({ messages: { maxPayloadBytes: maxPayload, inboxBytes: maxPayload } }, false);
    expect(endpointSettings(everywhere.messages, undefined)).toEqual(expected);
  });

  it('is as the options say, whatever the gateway takes', () => {
    const given = resolveOptions({ messages: { maxFragments: 7, maxBufferedChunks: 300 } }, false);
    expect(endpointSettings(given.messages, 104_857_600)).toMatchObject({ maxFragments: 7, maxBufferedChunks: 300 });
  });
});
