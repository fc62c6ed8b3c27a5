import { WebSocketGateway } from '@nestjs/websockets';
import { type Connection, Room, RoomPublish, Rooms } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Gate } from './support/admission.js';
import { boot } from './support/boot.js';
import { expectNoCrash } from './support/dispatch.js';
import { join, policies, start } from './support/rooms.js';

expectNoCrash();

describe('rooms on the server', () => {
  it('a plain client is joined by the server, and gets frames with room and position', async () => {
    await using sut = await start();
    await using client = await TestClient.connect(sut.app.url());
    expect(await client.request('enter', 'orders/7')).toMatchObject({ data: ['orders/7'] });
    await sut.rooms.to('orders/7').emit('shipped', 1);
    expect(await client.next('shipped')).toEqual({
      event: 'shipped',
      data: 1,
      room: 'orders/7',
      offset: 1,
      epoch: expect.any(String) as string,
    });
    expect(await client.request('exit', 'orders/7')).toMatchObject({ data: [] });
    await sut.rooms.to('orders/7').emit('shipped', 2);
    expect(await client.request('enter', 'lobby')).toMatchObject({ data: ['lobby'] });
    await sut.rooms.to('lobby').emit('hello', 1);
    expect(await client.next('hello')).toEqual({ event: 'hello', data: 1, room: 'lobby' });
    expect(client.waiting).toEqual([]);
  });

  it('an SDK client that is joined or removed by the server is told so', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await client.request('enter', 'orders/7');
    expect(await client.next('$joined')).toMatchObject({ data: { room: 'orders/7', offset: 0, recovered: true } });
    await client.request('exit', 'orders/7');
    expect(await client.next('$left')).toEqual({ event: '$left', data: { room: 'orders/7' } });
  });

  it('leaves out a connection, which is told to skip the offset, also in a replay', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    const position = await join(ada, 'orders/1');
    await join(ben, 'orders/1');
    const [sender] = sut.rooms.members('orders/1');
    await sut.rooms.to('orders/1').except(sender!).emit('typing', 1);
    expect(await ben.next('typing')).toMatchObject({ offset: 1 });
    expect(await ada.next('$skip')).toEqual({ event: '$skip', data: { room: 'orders/1', offset: 1 } });
    await join(ada, 'orders/1', { epoch: position['epoch'], offset: 0 });
    expect(await ada.next('$skip')).toEqual({ event: '$skip', data: { room: 'orders/1', offset: 1 } });
    expect(ada.waiting).toEqual([]);
  });

  it('publishes to several rooms: a member of two of them gets it in the first', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    await join(ada, 'orders/1');
    await join(ada, 'orders/2');
    await join(ben, 'orders/2');
    const results = await sut.rooms.to(['orders/1', 'orders/2', 'lobby']).emit('news', 'x');
    expect(results).toMatchObject([{ room: 'orders/1', offset: 1 }, { room: 'orders/2', offset: 1 }, null]);
    const first = await ada.next('news');
    expect(first).toMatchObject({ room: 'orders/1', offset: 1, publication: expect.any(String) as string });
    expect(await ada.next('$skip')).toEqual({ event: '$skip', data: { room: 'orders/2', offset: 1 } });
    expect(await ben.next('news')).toMatchObject({ room: 'orders/2', publication: first['publication'] });
  });

  it('leaves out all connections of a principal', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    await join(ada, 'chat/tea');
    const [member] = sut.rooms.members('chat/tea');
    const principal = { subject: 'ada', expiresAt: Infinity, claims: {} };
    member!.principal = principal;
    await join(ben, 'chat/tea');
    await sut.rooms.to('chat/tea').except(principal).emit('said', 1);
    await sut.rooms.to('chat/tea').emit('said', 2);
    expect([await ben.next('said'), await ben.next('said')]).toMatchObject([{ data: 1 }, { data: 2 }]);
    expect(await ada.next('said')).toMatchObject({ data: 2 });
    expect(await sut.rooms.toPrincipal('ada', 'hello', 3)).toEqual({ connections: 1, nodes: 1, silent: 0 });
    expect(await ada.next('hello')).toEqual({ event: 'hello', data: 3 });
    expect(await sut.rooms.toPrincipal('nobody', 'hello', 3)).toMatchObject({ connections: 0 });
  });

  it('publishes on this node alone, and to those who keep up alone, where there is no history', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'chat/tea');
    for (const options of [{ local: true }, { volatile: true }]) {
      expect(await sut.rooms.to('chat/tea').emit('said', options, options)).toBeNull();
      expect(await client.next('said')).toEqual({ event: 'said', data: options, room: 'chat/tea' });
    }
  });

  it('publishes once for a key', async () => {
    await using sut = await start();
    const once = { key: 'payment-7', windowMs: 60_000 };
    const first = await sut.rooms.to('orders/1').emit('paid', 1, { once });
    expect(await sut.rooms.to('orders/1').emit('paid', 1, { once })).toEqual(first);
    expect(await sut.rooms.to('orders/1').emit('paid', 1, { once: 'payment-7' })).toEqual(first);
    expect(await sut.rooms.position('orders/1')).toEqual(first);
  });

  it('keeps the order of publications that nobody waits for', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'orders/1');
    const target = sut.rooms.to('orders/1');
    await Promise.all(Array.from({ length: 200 }, (_, n) => target.emit('said', n)));
    for (let n = 0; n < 200; n++) expect(await client.next('said')).toMatchObject({ data: n, offset: n + 1 });
  });

  it('reads its history', async () => {
    await using sut = await start();
    const first = await sut.rooms.to('orders/1').emit('said', { n: 1 });
    await sut.rooms.to('orders/1').emit('said', { n: 2 });
    const { epoch } = first!;
    expect(await sut.rooms.history('orders/1', { since: { epoch, offset: 0 } })).toEqual({
      recovered: true,
      position: { room: 'orders/1', epoch, offset: 2 },
      publications: [1, 2].map((n) => ({
        event: 'said',
        data: { n },
        epoch,
        offset: n,
        at: expect.any(Number) as number,
      })),
      more: false,
    });
    expect(await sut.rooms.history('orders/1', { since: { epoch: 'x', offset: 0 } })).toMatchObject({
      recovered: false,
      reason: 'epoch',
    });
  });

  it('reads its history page by page', async () => {
    await using sut = await start();
    const first = await sut.rooms.to('orders/1').emit('said', 1);
    for (const n of [2, 3]) await sut.rooms.to('orders/1').emit('said', n);
    const since = { epoch: first!.epoch, offset: 0 };
    expect(await sut.rooms.history('orders/1', { since, limit: 2 })).toMatchObject({
      publications: [{ data: 1 }, { data: 2 }],
      more: true,
    });
  });

  it.each<[string, object, (own: Rooms) => Promise<unknown>]>([
    ['as many rooms as it may have', { perNode: 1 }, (own) => own.position('orders/2')],
    ['as much history as it may have', { historyBytes: 1_048_576 }, (own) => fill(own)],
  ])('rejects when this node has %s', async (_, limits, use) => {
    await using sut = await start(limits);
    await sut.rooms.position('orders/1');
    await expect(use(sut.rooms)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { outcome: 'none' } });
  });

  it('does not start when the engine keeps less than a policy demands', async () => {
    const rooms = [{ pattern: 'orders/:id', durability: 'disk' as const }];
    await expect(boot({ options: { rooms } })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(
        /"orders\/:id" demand the durability "disk", and the engine "memory" offers/,
      ) as string,
    });
  });

  it('closes the connections of a room', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    await join(ada, 'chat/tea');
    expect(await sut.rooms.disconnect('chat/tea', 4000, 'closed')).toMatchObject({ connections: 1 });
    expect(await ada.closed).toMatchObject({ code: 4000 });
    expect(await ben.request('enter', 'lobby')).toMatchObject({ data: ['lobby'] });
  });

  it.each<[string, (rooms: Rooms) => Promise<unknown>, string]>([
    ['a reserved event', (own) => own.to('orders/1').emit('$x', 1), 'INVALID_EVENT_NAME'],
    ['a reserved event to a principal', (own) => own.toPrincipal('ada', '$x', 1), 'INVALID_EVENT_NAME'],
    ['too much for a principal', (own) => own.toPrincipal('ada', 'x', 'x'.repeat(99_999)), 'PUBLICATION_TOO_LARGE'],
    ['what JSON cannot express', (own) => own.to('orders/1').emit('x', 1n), 'INVALID_DATA'],
    ['too much', (own) => own.to('orders/1').emit('x', 'x'.repeat(999)), 'PUBLICATION_TOO_LARGE'],
    ['local with history', (own) => own.to('orders/1').emit('x', 1, { local: true }), 'INVALID_PUBLICATION'],
    ['volatile with history', (own) => own.to('orders/1').emit('x', 1, { volatile: true }), 'INVALID_PUBLICATION'],
  ])('refuses to publish %s, and stores nothing', async (_, emit, code) => {
    await using sut = await start({ publicationBytes: 500 });
    await expect(emit(sut.rooms)).rejects.toMatchObject({ code });
    expect(await sut.rooms.position('orders/1')).toMatchObject({ offset: 0 });
  });

  it.each([
    [''],
    ['x'.repeat(257)],
    [{ key: 'a', windowMs: 0 }],
    [{ key: 'a', windowMs: 1.5 }],
    [{ key: '', windowMs: 1 }],
  ])('refuses %j as a key, and stores nothing', async (once) => {
    await using sut = await start();
    await expect(sut.rooms.to('orders/1').emit('x', 1, { once })).rejects.toMatchObject({
      code: 'INVALID_PUBLICATION',
      message: expect.stringContaining('"once" must be a key of 1 to 256 characters') as string,
    });
    expect(await sut.rooms.position('orders/1')).toMatchObject({ offset: 0 });
  });

  it('takes names of the characters that the options allow, and no others', async () => {
    await using sut = await start({ nameCharacters: 'a-zäöü0-9' });
    expect(() => sut.rooms.to('orders/größe')).toThrow(expect.objectContaining({ code: 'INVALID_ROOM' }));
    expect(await sut.rooms.to('orders/höhe').emit('x', 1)).toMatchObject({ room: 'orders/höhe', offset: 1 });
    expect(() => sut.rooms.to('orders/A')).toThrow('characters: a-zäöü0-9, with single slashes');
  });

  it('refuses a name at once', async () => {
    await using sut = await start();
    expect(() => sut.rooms.to('no name')).toThrow(expect.objectContaining({ code: 'INVALID_ROOM' }));
    await expect(sut.rooms.history('', { since: { epoch: 'x', offset: 0 } })).rejects.toMatchObject({
      code: 'INVALID_ROOM',
    });
  });
});

/** More than a mebibyte, in rooms of their own. */
async function fill(own: Rooms): Promise<void> {
  for (let n = 0; n < 40; n++) await own.to(`orders/${n}`).emit('said', 'x'.repeat(60_000));
}

describe('connection hooks', () => {
  /** Joins every client to a room, and takes its time. */
  @WebSocketGateway({ path: '/hooked' })
  class HookedGateway {
    readonly gate = new Gate();

    async handleConnection(connection: Connection): Promise<void> {
      await connection.join('orders/1');
      await this.gate.pass();
    }

    @Room('orders/:id')
    mayFollow(): void {
      // Everybody may.
    }
  }

  it('may join rooms, and what a client asks for meanwhile waits for them', async () => {
    await using app = await boot({ options: { rooms: policies }, providers: [HookedGateway] });
    const own = app.app.get<Rooms>(Rooms);
    await using client = await TestClient.connectSdk(app.url('/hooked'));
    expect(await client.next('$joined')).toMatchObject({ data: { room: 'orders/1' } });
    const joining = join(client, 'orders/2');
    await own.to('orders/1').emit('shipped', 1);
    expect(await client.next('shipped')).toMatchObject({ offset: 1 });
    expect(own.count('orders/2')).toBe(0);
    app.app.get(HookedGateway).gate.open();
    await joining;
    expect(own.count('orders/2')).toBe(1);
  });

  it('that fail leave no member behind', async () => {
    @WebSocketGateway({ path: '/failing' })
    class FailingGateway {
      async handleConnection(connection: Connection): Promise<void> {
        await connection.join('orders/1');
        throw new Error('it cannot be set up');
      }
    }
    await using app = await boot({ options: { rooms: policies }, providers: [FailingGateway] });
    await using client = await TestClient.connectSdk(app.url('/failing'));
    expect(await client.closed).toMatchObject({ code: 4500 });
    await expect.poll(() => app.app.get(Rooms).count('orders/1')).toBe(0);
  });
});

describe('options of rooms', () => {
  it.each<[string, object, RegExp]>([
    ['a pattern with a space', { rooms: [{ pattern: 'a b' }] }, /rooms: route "a b" is malformed/],
    ['two patterns for the same rooms', { rooms: [{ pattern: 'a/:x' }, { pattern: 'a/:y' }] }, /match the same paths/],
    ['no pattern', { rooms: [{}] }, /rooms\.0\.pattern/],
    ['a size below 0', { rooms: [{ pattern: 'a', history: { size: -1 } }] }, /rooms\.0\.history\.size/],
    ['what is no option', { rooms: [{ pattern: 'a', keep: 1 }] }, /rooms\.0\.keep is not an option/],
    ['a limit below 1', { roomLimits: { perConnection: 0 } }, /roomLimits\.perConnection/],
  ])('stop the boot: %s', async (_, options, message) => {
    await expect(boot({ options })).rejects.toThrow(message);
  });

  it('stop the boot for two methods that decide about the same rooms', async () => {
    @WebSocketGateway({ path: '/twice' })
    class TwiceGateway {
      @Room('a/:x')
      one(): void {
        // Never called.
      }

      @Room('a/:y')
      two(): void {
        // Never called.
      }
    }
    await expect(boot({ providers: [TwiceGateway] })).rejects.toThrow(/TwiceGateway.*"a\/:x" and "a\/:y"/s);
  });

  it.each([
    ['@Room', Room('b/:x')],
    ['@RoomPublish', RoomPublish('b/:x')],
  ])('refuse %s on a method that has a pattern already, of which Nest would forget one', (name, decorator) => {
    const declare = (): unknown => {
      class StackedGateway {
        @decorator
        @Room('a/:x')
        both(): void {
          // Never called.
        }
      }
      return StackedGateway;
    };
    expect(declare).toThrow(`${name}('b/:x') on both: the method has a pattern or an event already`);
  });

  it('may say how much is kept where they say who may join', async () => {
    @WebSocketGateway({ path: '/kept' })
    class KeptGateway {
      @Room('kept/:id', { history: { size: 10 } })
      mayFollow(): void {
        // Everybody may.
      }
    }
    // Two gateways with one method.
    @WebSocketGateway({ path: '/kept/too' })
    class KeptTooGateway extends KeptGateway {}
    await using app = await boot({ providers: [KeptGateway, KeptTooGateway] });
    const own = app.app.get<Rooms>(Rooms);
    expect(await own.to('kept/1').emit('said', 1)).toMatchObject({ room: 'kept/1', offset: 1 });
    expect(await own.to('other/1').emit('said', 1)).toBeNull();
  });

  it('stop the boot when the options say something else of the same rooms', async () => {
    @WebSocketGateway({ path: '/kept' })
    class KeptGateway {
      @Room('kept/:id', { history: { size: 10 } })
      mayFollow(): void {
        // Never called.
      }
    }
    const options = { rooms: [{ pattern: 'kept/:name' }] };
    await expect(boot({ options, providers: [KeptGateway] })).rejects.toThrow(/kept\/:name.*kept\/:id/s);
  });

  it.each<[string, object, string]>([
    ['a size that is none', { history: { size: -1 } }, 'size must not be less than 0'],
    ['an option that is none', { histroy: {} }, 'histroy should not exist'],
  ])('refuse %s where it is written', (_, policy, message) => {
    expect(() => Room('kept/:id', policy)).toThrow(`@Room('kept/:id'): `);
    expect(() => Room('kept/:id', policy)).toThrow(message);
  });
});
