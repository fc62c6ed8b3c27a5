import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry } from '@holdfast/gateway';
import { decodeClose, encodeFrame, rawUpgrade, type RawUpgraded, TestClient } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { serve, type Served } from './support/dispatch.js';

const path = '/unfinished';
const limit = 1_048_576;

@WebSocketGateway({ path })
class LengthGateway {
  @SubscribeMessage('length')
  length(@MessageBody() text: string): number {
    return text.length;
  }
}

/** A client with a request on its way, of which it has sent as much as it likes. */
class Sender {
  readonly #frame: Buffer;
  #sent = 0;

  private constructor(
    private readonly peer: RawUpgraded,
    private readonly connection: Connection,
    length: number,
  ) {
    this.#frame = encodeFrame({ payload: JSON.stringify({ event: 'length', id: 1, data: 'x'.repeat(length) }) });
  }

  static async connect(served: Served, length = 260_000): Promise<Sender> {
    const registry = served.get(ConnectionRegistry);
    const known = new Set(registry);
    const peer = await rawUpgrade(served.url(path));
    if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
    const connection = [...registry].find((candidate) => !known.has(candidate))!;
    return new Sender(peer, connection, length);
  }

  static async connectMany(served: Served, count: number): Promise<Sender[]> {
    const senders: Sender[] = [];
    // One after the other, so that each knows which connection is its own.
    while (senders.length < count) senders.push(await Sender.connect(served));
    return senders;
  }

  /** Sends so many bytes more, and waits until the server has read them. */
  async send(bytes: number): Promise<void> {
    this.peer.socket.write(this.#frame.subarray(this.#sent, this.#sent + bytes));
    this.#sent += bytes;
    await this.read();
  }

  async read(): Promise<void> {
    const { connection } = this;
    await expect.poll(() => connection.stats.bytesIn >= this.#sent || connection.state === 'closed').toBe(true);
  }

  get state(): string {
    return this.connection.state;
  }

  /** Sends the rest. @returns what it is answered. */
  async finish(): Promise<unknown> {
    await this.send(this.#frame.length - this.#sent);
    return JSON.parse((await this.peer.frames.next()).payload.toString());
  }

  /** The close frame that it gets. */
  async closed(): Promise<{ code: number; reason: string }> {
    const { opcode, payload } = await this.peer.frames.next();
    expect(opcode).toBe(8);
    return decodeClose(payload);
  }

  leave(): void {
    this.peer.socket.destroy();
  }
}

function start(): Promise<Served> {
  return serve([LengthGateway], { options: { heartbeat: { intervalMs: 0 }, messages: { unfinishedBytes: limit } } });
}

const shedsOf = ({ counters }: Served): number => counters.get('shed', 'unfinishedBytes');

it('above messages.unfinishedBytes the connection that holds most is closed with 1013, and no other', async () => {
  await using served = await start();
  await using innocent = await TestClient.connect(served.url(path));
  const [most, ...others] = await Sender.connectMany(served, 5);
  await most!.send(230_000);
  for (const sender of others) await sender.send(190_000);
  expect(shedsOf(served)).toBe(0);

  const last = await Sender.connect(served);
  await last.send(100_000);
  expect(await most!.closed()).toEqual({ code: 1013, reason: 'the server holds too much of unfinished messages' });
  expect(shedsOf(served)).toBe(1);
  expect(served.log.of('warn')).toHaveLength(1);
  expect(served.log.of('warn').join()).toContain(`messages.unfinishedBytes (${limit})`);

  // Two of them would be above the limit again, but a whole message is none that is unfinished.
  for (const sender of [...others, last]) {
    expect(await sender.finish()).toEqual({ event: '$reply', id: 1, data: 260_000 });
    expect(sender.state).toBe('open');
  }
  expect((await innocent.request('length', 'here')).data).toBe(4);
  for (const sender of [most!, ...others, last]) sender.leave();
  expect(shedsOf(served)).toBe(1);
});

it('what a connection held counts no longer once it has ended, however it did', async () => {
  await using served = await start();
  for (let round = 0; round < 3; round++) {
    const senders = await Sender.connectMany(served, 4);
    for (const sender of senders) await sender.send(240_000);
    for (const sender of senders) sender.leave();
    await expect.poll(() => senders.map(({ state }) => state)).toEqual(Array(4).fill('closed'));
  }
  expect(shedsOf(served)).toBe(0);
});

it('fragments count until their message is whole, with everything that a part of them keeps in memory', async () => {
  await using served = await start();
  // A fragment of one byte is a view of the chunk that it came in, and keeps all of it. The rest are pongs, which
  // nobody keeps.
  const peers = await Promise.all(Array.from({ length: 4 }, () => rawUpgrade(served.url(path))));
  const pongs = Buffer.concat(
    Array.from({ length: 400 }, () => encodeFrame({ opcode: 10, payload: Buffer.alloc(125) })),
  );
  for (let round = 0; shedsOf(served) === 0; round++) {
    expect(round).toBeLessThan(100);
    for (const peer of peers) {
      if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
      const fragment = encodeFrame({ opcode: round === 0 ? 1 : 0, payload: ' ', fin: false });
      await new Promise((written) => peer.socket.write(Buffer.concat([fragment, pongs]), written));
    }
  }
  expect(served.counters.get('shed', 'unfinishedBytes')).toBeGreaterThan(0);
  for (const peer of peers) if (peer.upgraded) peer.socket.destroy();
});
