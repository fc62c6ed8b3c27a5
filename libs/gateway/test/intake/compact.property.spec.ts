import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compact } from '../../src/intake/compact.js';

const server = createServer();
let port = 0;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(() => server.close());

/** Both ends of a connection. */
async function pair(): Promise<[sender: Socket, receiver: Socket]> {
  const accepted = once(server, 'connection');
  const sender = connect(port, '127.0.0.1').setNoDelay(true);
  const [receiver] = (await accepted) as [Socket];
  return [sender, receiver];
}

/** Sends each part so that it is read by itself. */
async function send(sender: Socket, receiver: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    const read = receiver.bytesRead + part.length;
    sender.write(part);
    while (receiver.bytesRead < read) await turn();
  }
}

describe('what a paused socket has read ahead', () => {
  it('is one chunk afterwards, however many it came in, and goes to the same listeners in the same order', async () => {
    const [sender, receiver] = await pair();
    const heard: [listener: string, chunk: string][] = [];
    receiver.on('data', (chunk) => heard.push(['first', chunk.toString()]));
    receiver.on('data', (chunk) => heard.push(['second', chunk.toString()]));
    await send(sender, receiver, [Buffer.from('before')]);
    receiver.pause();
    await send(
      sender,
      receiver,
      Array.from('crumbs', (letter) => Buffer.from(letter)),
    );
    compact(receiver);
    await turn();
    expect(receiver.isPaused()).toBe(true);
    expect(heard).toHaveLength(2);
    receiver.resume();
    await turn();
    expect(heard.slice(2)).toEqual([
      ['first', 'crumbs'],
      ['second', 'crumbs'],
    ]);
    sender.destroy();
    receiver.destroy();
  });

  it('is one chunk more at most, and the mark up to which it reads ahead does not rise', async () => {
    const [sender, receiver] = await pair();
    receiver.pause();
    const mark = receiver.readableHighWaterMark;
    sender.write(Buffer.alloc(4_000_000));
    let before = -1;
    while (receiver.readableLength !== before || before < mark) {
      before = receiver.readableLength;
      await turn();
    }
    compact(receiver);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(receiver.readableLength).toBeLessThanOrEqual(before + 65_536);
    expect(receiver.readableHighWaterMark).toBe(mark);
    sender.destroy();
    receiver.destroy();
  });

  it.each([true, false])('ends as it would have (compacted after the end of the peer: %s)', async (isEnded) => {
    const [sender, receiver] = await pair();
    let received = '';
    receiver.on('data', (chunk) => (received += chunk.toString()));
    receiver.pause();
    await send(sender, receiver, [Buffer.from('last '), Buffer.from('words')]);
    if (!isEnded) compact(receiver);
    sender.end();
    await once(sender, 'finish');
    for (let turns = 0; turns < 5; turns++) await turn();
    if (isEnded) compact(receiver);
    await turn();
    expect(receiver.readableEnded).toBe(false);
    const ended = once(receiver, 'end');
    receiver.resume();
    await ended;
    expect(received).toBe('last words');
  });

  it('is the same bytes, whenever it is paused, compacted and resumed', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('send'),
        bytes: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 70_000 })),
      }),
      fc.record({ kind: fc.constantFrom('pause', 'compact', 'resume', 'turn'), bytes: fc.constant(0) }),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const [sender, receiver] = await pair();
      const sent: Buffer[] = [];
      const received: Buffer[] = [];
      receiver.on('data', (chunk) => received.push(chunk));
      for (const [index, { kind, bytes }] of steps.entries()) {
        if (kind === 'send') {
          sent.push(Buffer.alloc(bytes, index));
          sender.write(sent.at(-1)!);
        } else if (kind === 'pause') receiver.pause();
        else if (kind === 'resume') receiver.resume();
        else if (kind === 'compact' && receiver.isPaused()) compact(receiver);
        else await turn();
      }
      if (receiver.isPaused()) compact(receiver);
      const ended = once(receiver, 'end');
      sender.end();
      receiver.resume();
      await ended;
      expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
