/**
 * Floods a subject from several connections until it is killed, in a process of its own that yields to everybody else.
 */
import { once } from 'node:events';
import { setPriority } from 'node:os';
import type { Socket } from 'node:net';
import { encodeFrame, rawUpgrade } from '@holdfast/testing';
import type { FloodKind, FloodOrder } from './wire.js';

/** What is written at once: many times what a connection may handle in one turn of the event loop. */
const burstBytes = 65_536;
const manyObjects = `[${'{},'.repeat(11_999)}{}]`;
const text = 'a message of usual length, as people send';

const frames: Record<FloodKind, () => Buffer> = {
  tiny: () => encodeFrame({ payload: '{"event":"echo","id":1}' }),
  dto: () => encodeFrame({ payload: `{"event":"echo","id":1,"data":{"text":"${text}","n":1}}` }),
  members: () =>
    encodeFrame({ payload: `{"event":"echo","id":1,"data":{"text":"${text}","n":1,"more":${manyObjects}}}` }),
  limited: () => encodeFrame({ payload: '{"event":"limited","id":1}' }),
  pings: () => encodeFrame({ opcode: 9 }),
  fragments: () =>
    Buffer.concat([
      encodeFrame({ payload: '{"event":"echo"', fin: false }),
      ...Array.from({ length: 1_000 }, () => encodeFrame({ opcode: 0, fin: false })),
      encodeFrame({ opcode: 0, payload: '}' }),
    ]),
};

async function flood({ port, token, kind, connections }: FloodOrder): Promise<void> {
  const frame = frames[kind]();
  const burst = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(burstBytes / frame.length)) }, () => frame));
  await Promise.all(Array.from({ length: connections }, () => keepFlooding(port, token, burst)));
}

async function keepFlooding(port: number, token: string, burst: Buffer): Promise<void> {
  for (;;) {
    const headers = { authorization: `Bearer ${token}` };
    // A server that closes the connections of a flood, or does not answer, meets them again at once.
    const answer = await rawUpgrade(`ws://127.0.0.1:${port}/`, { headers, timeoutMs: 60_000 }).catch(() => undefined);
    if (answer?.upgraded) await writeUntilClosed(answer.socket, burst);
  }
}

async function writeUntilClosed(socket: Socket, burst: Buffer): Promise<void> {
  const closed = once(socket, 'close').catch(() => undefined);
  socket.on('error', () => undefined).resume();
  const write = (): void => {
    while (!socket.destroyed && socket.write(burst));
  };
  socket.on('drain', write);
  write();
  await closed;
}

setPriority(19);
process.once('message', (order: FloodOrder) => {
  void flood(order);
});
process.send?.({ ready: true });
