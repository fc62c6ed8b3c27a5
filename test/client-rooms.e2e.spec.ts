import { createClient, type HoldfastClient, HoldfastError, type RoomsApi } from '@holdfast/client';
import { type Room, type RoomPublication, rooms, type RoomsOptions } from '@holdfast/client/rooms';
import { ConnectionRegistry } from '@holdfast/gateway';
import { seededRandom } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { quickBackoff } from './support/client-node.js';
import { expectNoCrash } from './support/dispatch.js';
import { type RoomsApp, start } from './support/rooms.js';

expectNoCrash();

/** A client of one room that writes down everything it is told. */
class Follower implements Disposable {
  readonly client: HoldfastClient & RoomsApi;
  readonly room: Room;
  readonly record: number[] = [];
  readonly unrecovered: unknown[] = [];
  recovered = 0;
  #wake: () => void = () => undefined;

  constructor(app: RoomsApp, name: string, options?: RoomsOptions) {
    this.client = createClient(app.app.url(), { WebSocket, backoff: quickBackoff, rooms: rooms(options) });
    this.room = this.client.room(name);
    this.room.on('$unrecovered', (lost) => this.unrecovered.push(lost));
    this.room.on('$recovered', ({ count }) => (this.recovered += count));
    this.room.on('said', (data) => {
      // Safe: that is what the tests publish.
      this.record.push(data as number);
      this.#wake();
    });
    this.client.connect();
  }

  async has(count: number): Promise<void> {
    while (this.record.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

describe('rooms of the client, over real sockets', () => {
  it('deliver what was published while the client was away', async () => {
    await using sut = await start();
    using follower = new Follower(sut, 'orders/1');
    await follower.room.join();
    await sut.rooms.to('orders/1').emit('said', 1);
    await follower.has(1);
    const [member] = sut.rooms.members('orders/1');
    member?.terminate();
    for (const n of [2, 3]) await sut.rooms.to('orders/1').emit('said', n);
    await follower.has(3);
    await sut.rooms.to('orders/1').emit('said', 4);
    await follower.has(4);
    expect(follower.record).toEqual([1, 2, 3, 4]);
    expect([follower.recovered, follower.room.state]).toEqual([2, 'joined']);
  });

  it('that the server has joined the client to are there again after a crash, with what was missed', async () => {
    await using sut = await start();
    using follower = new Follower(sut, 'orders/1');
    await follower.client.request('enter', 'orders/1');
    await sut.rooms.to('orders/1').emit('said', 1);
    await follower.has(1);
    for (let n = 2; n <= 5; n++) {
      sut.rooms.members('orders/1')[0]?.terminate();
      await sut.rooms.to('orders/1').emit('said', n);
      await follower.has(n);
    }
    expect(follower.record).toEqual([1, 2, 3, 4, 5]);
    expect(follower.unrecovered).toEqual([]);
  });

  it('go on in another client, to which the session was handed over', async () => {
    await using sut = await start();
    using first = new Follower(sut, 'orders/1');
    await first.client.request('enter', 'orders/1');
    await sut.rooms.to('orders/1').emit('said', 1);
    await first.has(1);
    const { session } = first.client;
    await sut.rooms.to('orders/1').emit('said', 2);
    using second = new Follower(sut, 'orders/1', { session });
    await second.has(1);
    expect(second.record).toEqual([2]);
    // The first one does not come back, as it would take the session from the second one.
    await expect.poll(() => first.client.state).toBe('failed');
  });

  it('say that a restart has lost what was published: epoch', async () => {
    const since = await fromServerBefore(async (sut) => {
      using follower = new Follower(sut, 'orders/1');
      await follower.room.join();
      return follower.room.position;
    });
    await using sut = await start();
    using follower = new Follower(sut, 'orders/1');
    await follower.room.join(since && { since });
    expect(follower.unrecovered).toMatchObject([{ reason: 'epoch' }]);
  });

  it('are refused by the method of the room', async () => {
    await using sut = await start();
    using follower = new Follower(sut, 'orders/100');
    await expect(follower.room.join()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(follower.room.join()).rejects.toBeInstanceOf(HoldfastError);
    expect(follower.room.state).toBe('refused');
  });

  it('start at the position of a state that the server has delivered, and miss nothing', async () => {
    await using sut = await start();
    await sut.rooms.to('orders/1').emit('said', 1);
    const position = await sut.rooms.position('orders/1');
    for (const n of [2, 3]) await sut.rooms.to('orders/1').emit('said', n);
    using follower = new Follower(sut, 'orders/1');
    await follower.room.join(position ? { since: position } : {});
    await follower.has(2);
    expect(follower.record).toEqual([2, 3]);
  });

  it('publish by the method of the room', async () => {
    await using sut = await start();
    using ada = new Follower(sut, 'chat/tea');
    using ben = new Follower(sut, 'chat/tea');
    const heard = new Promise((resolve) => ben.room.on('said', (data) => resolve(data)));
    await expect(ada.room.publish('said', { text: 'too early' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all([ada.room.join(), ben.room.join()]);
    expect(await ada.room.publish('said', { text: 'hello' })).toEqual({});
    expect(await heard).toEqual({ text: 'hello' });
    expect(ada.record).toEqual([]);
    await expect(ada.client.room('orders/1').publish('said', 1)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ada.room.publish('said', new Map())).rejects.toMatchObject({ code: 'UNENCODABLE' });
    await expect(ada.room.publish('said', 'x'.repeat(300_000))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('come as a loop', async () => {
    await using sut = await start();
    using follower = new Follower(sut, 'orders/1');
    await follower.room.join();
    const seen: RoomPublication[] = [];
    const loop = (async () => {
      for await (const publication of follower.room) {
        seen.push(publication);
        if (seen.length === 2) break;
      }
    })();
    for (const n of [1, 2]) await sut.rooms.to('orders/1').emit('said', n);
    await loop;
    expect(seen.map(({ data, offset }) => [data, offset])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it.each([1, 2, 3])('have the record of the log, however often 20 clients are cut (seed %i)', async (seed) => {
    const count = 1_500;
    const longRoom = [{ pattern: 'orders/:id', history: { size: 10_000 }, maxRecovered: Infinity }];
    await using sut = await start({ joinsPerSecond: Infinity }, { rooms: longRoom, admission: unlimited });
    const random = seededRandom(seed);
    const followers = Array.from({ length: 20 }, () => new Follower(sut, 'orders/1'));
    try {
      await Promise.all(followers.map(({ room }) => room.join()));
      const registry = sut.app.app.get(ConnectionRegistry);
      for (const n of numbers(count)) {
        await sut.rooms.to('orders/1').emit('said', n);
        if (random.next() < 0.05) for (const connection of registry) if (random.next() < 0.3) connection.terminate();
        // Sockets are read and reconnects happen between publications.
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(followers.map((follower) => follower.has(count)));
      for (const { record, unrecovered } of followers) {
        expect(unrecovered).toEqual([]);
        expect(record).toEqual(numbers(count));
      }
      expect(followers.reduce((sum, { recovered }) => sum + recovered, 0)).toBeGreaterThan(0);
    } finally {
      for (const { client } of followers) client.close();
    }
  });
});

const unlimited = { handshakeRate: { limit: Infinity, windowMs: 1_000 } };

/** What a server leaves behind that is gone afterwards. */
async function fromServerBefore<T>(use: (sut: RoomsApp) => Promise<T>): Promise<T> {
  await using sut = await start();
  // Awaited here: otherwise the server would be closed first.
  return await use(sut);
}
