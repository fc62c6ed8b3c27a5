import { closeCodes } from '@holdfast/protocol';
import { encodeClose, encodeFrame } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { NodeClient } from './support/client-node.js';
import { BareServer, type Guest } from './support/client-node-bare-server.js';

/** Seen locally, never sent. */
const unsendable = [1005, 1006, 1015];

const catalogued = closeCodes.filter(({ code }) => !unsendable.includes(code));

const unknown = [
  { code: 3000, rule: 'application' },
  { code: 3999, rule: 'application' },
  { code: 4000, rule: 'application' },
  { code: 4399, rule: 'application' },
  { code: 4402, rule: 'stay-away' },
  { code: 4499, rule: 'stay-away' },
  { code: 4501, rule: 'return' },
  { code: 4599, rule: 'return' },
  { code: 4600, rule: 'application' },
  { code: 4999, rule: 'application' },
] as const;

/** What a client does whose application says nothing about its own codes. */
const states = { return: 'waiting', 'stay-away': 'failed', application: 'closed' } as const;

/** It is back by itself, and is served. */
async function expectReturn(server: BareServer, node: NodeClient): Promise<void> {
  const { socket } = await server.next();
  await node.change('open');
  socket.once('message', (frame) => {
    // A text message of the client, which is a Buffer here.
    const { id } = JSON.parse((frame as Buffer).toString()) as { id: number };
    socket.send(JSON.stringify({ event: '$reply', id, data: 'served' }));
  });
  expect(await node.client.request('serve')).toBe('served');
}

describe('PROTOCOL 13: a close of the server', () => {
  it.each([...catalogued, ...unknown])('with $code: $rule', async ({ code, rule }) => {
    await using server = await BareServer.start();
    using node = await NodeClient.open(server.url);
    const guest = await server.next();
    guest.socket.close(code, 'because');
    const to = code === 1000 ? 'closed' : states[rule];
    const change = await node.change(to);
    expect(change).toMatchObject({ from: 'open', cause: 'server', code, reason: 'because' });
    if (to === 'waiting') {
      await expectReturn(server, node);
      return;
    }
    expect(node.client.state).toBe(to);
    expect(change.nextAttemptAt).toBeUndefined();
    expect(node.client.emit('note')).toBe(false);
    await expect(node.client.request('note')).rejects.toMatchObject({ code: 'CLOSED' });
    // It only takes somebody who asks for it.
    node.client.connect();
    await expectReturn(server, node);
  });

  it('without a code (1005): return', async () => {
    await using server = await BareServer.start();
    using node = await NodeClient.open(server.url);
    const guest = await server.next();
    guest.socket.close();
    expect(await node.change('waiting')).toMatchObject({ from: 'open', cause: 'server', code: 1005 });
    await expectReturn(server, node);
  });

  it.each([
    ['a reset', ({ tcp }: Guest) => tcp.resetAndDestroy()],
    ['an end without a word', ({ tcp }: Guest) => tcp.end()],
    ['bytes that are no frame', ({ tcp }: Guest) => tcp.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['999, which is no code', ({ tcp }: Guest) => tcp.write(closeFrame(999))],
    ['1015, which nobody may send', ({ tcp }: Guest) => tcp.write(closeFrame(1015))],
    ['1016, which is not assigned', ({ tcp }: Guest) => tcp.write(closeFrame(1016))],
    ['5000, which is no code', ({ tcp }: Guest) => tcp.write(closeFrame(5000))],
  ])('in place of which comes %s (1006): return', async (_what, end) => {
    await using server = await BareServer.start();
    using node = await NodeClient.open(server.url);
    const guest = await server.next();
    end(guest);
    expect(await node.change('waiting')).toMatchObject({ from: 'open', cause: 'network', code: 1006 });
    await expectReturn(server, node);
  });
});

describe('PROTOCOL 13.1: the application', () => {
  it.each([
    { code: 3000, says: true, to: 'waiting' },
    { code: 4399, says: true, to: 'waiting' },
    { code: 4999, says: true, to: 'waiting' },
    { code: 4000, says: false, to: 'closed' },
  ] as const)('decides about its own code $code: $says', async ({ code, says, to }) => {
    await using server = await BareServer.start();
    const asked: unknown[] = [];
    const comesBack = (...args: unknown[]): boolean => {
      asked.push(args);
      return says;
    };
    using node = await NodeClient.open(server.url, { comesBack });
    const guest = await server.next();
    guest.socket.close(code, 'of the game');
    expect(await node.change(to)).toMatchObject({ cause: 'server', code, reason: 'of the game' });
    expect(asked).toEqual([[code, 'of the game']]);
    if (to === 'waiting') await expectReturn(server, node);
  });

  it.each([
    { code: 1012, to: 'waiting' },
    { code: 4410, to: 'failed' },
    { code: 4504, to: 'waiting' },
    { code: 1000, to: 'closed' },
  ] as const)('is not asked about $code, which is ours', async ({ code, to }) => {
    await using server = await BareServer.start();
    const comesBack = (): boolean => {
      throw new Error('nobody was to ask');
    };
    using node = await NodeClient.open(server.url, { comesBack });
    const guest = await server.next();
    guest.socket.close(code);
    await node.change(to);
  });
});

function closeFrame(code: number): Buffer {
  return encodeFrame({ opcode: 8, payload: encodeClose(code, ''), mask: false });
}
