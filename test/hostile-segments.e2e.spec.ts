import { SDK_SUBPROTOCOL_JSON } from '@holdfast/protocol';
import { encodeFrame } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeCode, drip, ended, endures, freshAddress, intrude, nextEnvelope, textFrame } from './support/hostile.js';
import { ServerProcess } from './support/server-process.js';

/** What the smallest packets in use carry (RFC 9293 section 3.7.1). */
const smallestSegment = 536;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A request whose frame is as large as the limit allows. */
function largest(event: string, limit: number): Buffer {
  const empty = JSON.stringify({ event, id: 1, data: '' }).length;
  return textFrame({ event, id: 1, data: 'x'.repeat(limit - empty) });
}

describe('a frame that arrives byte by byte', () => {
  it.each([
    ['on an open connection', '/target', undefined],
    ['before $hello', '/target', SDK_SUBPROTOCOL_JSON],
    ['before $hello on a gateway that lets nobody in', '/guarded', SDK_SUBPROTOCOL_JSON],
    ['while a connection hook is at work', '/late', undefined],
  ])('%s is closed with 1008 after 4,096 of them (PROTOCOL.md 3.10)', async (_when, path, protocol) => {
    await endures(server, `byte by byte on ${path}`, { memory: 80 }, async () => {
      const { socket, frames } = await intrude(server, path, freshAddress(), protocol);
      const code = closeCode(frames);
      await drip(socket, Buffer.concat([encodeFrame({ claimedLength: 262_144 }), Buffer.alloc(262_000, 32)]), 1);
      expect(await code).toBe(1008);
      await ended(socket);
      socket.destroy();
    });
  });
});

describe('a frame as large as allowed', () => {
  it.each([
    ['/target', 'echo', 262_144],
    ['/large', 'length', 4 * 1024 * 1024],
  ])('passes on %s over a link with the smallest packets', async (path, event, limit) => {
    await endures(server, `${limit} bytes in small segments`, { memory: 80 }, async () => {
      const { socket, frames } = await intrude(server, path);
      await drip(socket, largest(event, limit), smallestSegment);
      expect(await nextEnvelope(frames)).toMatchObject({ event: '$reply', id: 1 });
      socket.destroy();
    });
  });
});
