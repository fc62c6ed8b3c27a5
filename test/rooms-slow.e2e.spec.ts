import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Connection,
  ConnectionRegistry,
  Counters,
  type DisconnectCause,
  Rooms,
  type WireFormat,
} from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';
import { expectNoCrash } from './support/dispatch.js';
import { Frames, join, policies, start } from './support/rooms.js';

expectNoCrash();

describe('a member that does not read', () => {
  const large = 'x'.repeat(60_000);
  const longRooms = [{ pattern: 'orders/:id', history: { size: 1_000, maxBytes: 67_108_864 } }];

  it('is not cut in a room with history, and gets everything in order once it reads', async () => {
    await using sut = await start({}, { rooms: longRooms });
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'orders/1');
    client.pause();
    for (let n = 0; n < 300; n++) await sut.rooms.to('orders/1').emit('said', { n, large });
    const [member] = sut.rooms.members('orders/1');
    expect(member?.bufferedAmount).toBeLessThan(2 * 1_048_576);
    client.resume();
    for (let n = 0; n < 300; n++) expect((await client.next('said'))['offset']).toBe(n + 1);
    await sut.rooms.to('orders/1').emit('said', 'live');
    expect(await client.next('said')).toMatchObject({ data: 'live', offset: 301 });
  });

  it('is not cut either by what is not for it, and skips that once it reads', async () => {
    const rooms = [{ pattern: 'orders/:id', history: { size: 100_000, maxBytes: 67_108_864 }, maxRecovered: Infinity }];
    await using sut = await start({}, { rooms });
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'orders/1');
    const [member] = sut.rooms.members('orders/1');
    client.pause();
    for (let n = 0; n < 100; n++) await sut.rooms.to('orders/1').emit('said', { n, large });
    const held = member?.bufferedAmount;
    const others = sut.rooms.to('orders/1').except(member!);
    await Promise.all(Array.from({ length: 40_000 }, (_, n) => others.emit('typing', n)));
    expect(member?.bufferedAmount).toBe(held);
    client.resume();
    for (let n = 1; n <= 100; n++) expect((await client.next('said'))['offset']).toBe(n);
    for (let n = 101; n <= 40_100; n++) expect((await client.next('$skip')).data).toMatchObject({ offset: n });
    expect(member?.state).toBe('open');
  });

  it('is closed with 4508 when it has read nothing for as long as is allowed', async () => {
    await using sut = await start({ stalledMs: 1_000 }, { rooms: longRooms });
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'orders/1');
    const [member] = sut.rooms.members('orders/1');
    const gone = new Promise<DisconnectCause>((resolve) =>
      sut.app.app.get(ConnectionRegistry).on('left', ({ cause }) => cause && resolve(cause)),
    );
    client.pause();
    for (let n = 0; n < 300; n++) await sut.rooms.to('orders/1').emit('said', { n, large });
    expect(await gone).toMatchObject({ code: 4508, initiator: 'server' });
    expect(member?.state).toBe('closed');
  });

  it('gets only the newest publications where the policy says so, and how many it missed', async () => {
    await using sut = await start({}, { rooms: [{ ...longRooms[0], slow: 'skip' }] });
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'orders/1');
    client.pause();
    for (let n = 0; n < 400; n++) await sut.rooms.to('orders/1').emit('said', { n, large });
    client.resume();
    let last = 0;
    let dropped = 0;
    while (last < 400) {
      const { event, data, offset } = await client.next();
      if (event === '$skip') {
        const skip = data as { offset: number; dropped: number };
        expect(skip.offset).toBe(last + skip.dropped);
        dropped += skip.dropped;
        last = skip.offset;
      } else if (event === 'said') {
        expect(offset).toBe(last + 1);
        last++;
      }
    }
    expect(dropped).toBeGreaterThan(0);
  });
});

describe('a room under another format than the envelope', () => {
  it('sends what `nest` has, and a format of its own what it makes of room and position', async () => {
    @WebSocketGateway({ path: '/nest', format: 'nest' })
    class NestGateway {
      @SubscribeMessage('enter')
      async enter(@ConnectedSocket() connection: Connection): Promise<void> {
        await connection.join('orders/1');
        connection.emit('in', 1);
      }
    }
    const lines: WireFormat = {
      name: 'lines',
      decode: (frame) => ({ event: String(frame), data: undefined }),
      encodeReply: () => undefined,
      encodeEvent: (event, data, place) => `${event} ${String(data)} ${place?.room ?? ''} ${place?.offset ?? ''}`,
    };
    @WebSocketGateway({ path: '/lines', format: lines })
    class LinesGateway extends NestGateway {}
    await using app = await boot({ options: { rooms: policies }, providers: [NestGateway, LinesGateway] });
    await using nest = await Frames.open(app.url('/nest'));
    await using own = await Frames.open(app.url('/lines'));
    nest.ws.send('{"event":"enter"}');
    own.ws.send('enter');
    expect([await nest.next(), await own.next()]).toEqual(['{"event":"in","data":1}', 'in 1  ']);
    await app.app.get<Rooms>(Rooms).to('orders/1').emit('shipped', 'x');
    expect([await nest.next(), await own.next()]).toEqual(['{"event":"shipped","data":"x"}', 'shipped x orders/1 1']);
    nest.ws.send('{"event":"$room:orders/:id"}');
    await expect.poll(() => app.app.get(Counters).get('ignored', 'UNKNOWN_EVENT')).toBe(1);
  });
});
