import { ConnectionRegistry } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { expectNoCrash } from './support/dispatch.js';
import { join, start } from './support/rooms.js';

expectNoCrash();

describe('PROTOCOL 17.1: an SDK client that asks to join', () => {
  it('is told its position, and gets what is published from then on', async () => {
    await using sut = await start();
    await sut.rooms.to('orders/42').emit('before', 1);
    await using client = await TestClient.connectSdk(sut.app.url());
    const joined = await join(client, 'orders/42');
    expect(joined).toEqual({
      room: 'orders/42',
      kind: 'log',
      epoch: expect.any(String) as string,
      offset: 1,
      top: 1,
      recovered: true,
      undone: 0,
    });
    const position = await sut.rooms.to('orders/42').emit('shipped', { at: 7 });
    expect(position).toEqual({ room: 'orders/42', epoch: joined['epoch'], offset: 2 });
    expect(await client.next('shipped')).toEqual({
      event: 'shipped',
      data: { at: 7 },
      room: 'orders/42',
      offset: 2,
      epoch: joined['epoch'],
    });
    expect(sut.rooms.count('orders/42')).toBe(1);
    expect(sut.gateway.asked).toEqual([[42, 'orders/42']]);
  });

  it.each([
    ['a room that no method decides about', 'secret/1', 'FORBIDDEN'],
    ['a room whose method says false', 'orders/100', 'FORBIDDEN'],
    ['a room whose method throws', 'orders/13', 'CONFLICT'],
    ['a room whose pipe refuses a part of the name', 'orders/x', 'BAD_REQUEST'],
    ['a name with a space', 'orders/4 2', 'INVALID_ROOM'],
    ['an empty name', '', 'INVALID_ROOM'],
    ['a name that is too long', `orders/${'1'.repeat(200)}`, 'INVALID_ROOM'],
    ['a name with an empty segment', 'orders//1', 'INVALID_ROOM'],
  ])('is refused %s', async (_, room, code) => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await expect(client.request('$join', { room })).rejects.toMatchObject({ code });
    expect(sut.rooms.count(room)).toBe(0);
  });

  it('is refused by a guard', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url('/?name=eve'));
    await expect(client.request('$join', { room: 'orders/42' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(sut.gateway.asked).toEqual([]);
  });

  it.each([
    ['no room', {}],
    ['a room that is no string', { room: 5 }],
    ['a negative offset', { room: 'orders/1', since: { epoch: 'x', offset: -1 } }],
    ['an offset beyond 2^53', { room: 'orders/1', since: { epoch: 'x', offset: 2 ** 53 } }],
    ['no epoch', { room: 'orders/1', since: { offset: 1 } }],
    ['an empty epoch', { room: 'orders/1', since: { epoch: '', offset: 1 } }],
  ])('breaks the protocol with %s', async (_, data) => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await expect(client.request('$join', data)).rejects.toMatchObject({ code: 'MALFORMED_FRAME' });
  });

  it('is answered HANDLER_TIMEOUT when its method does not decide, and other joins do not wait for it', async () => {
    await using sut = await start({}, { messages: { handlerTimeoutMs: 300 } });
    await using client = await TestClient.connectSdk(sut.app.url());
    const slow = client.request('$join', { room: 'slow' });
    await join(client, 'chat/tea');
    await expect(slow).rejects.toMatchObject({ code: 'HANDLER_TIMEOUT' });
    expect(sut.rooms.count('slow')).toBe(0);
  });

  it('leaves when it asks to, and when its connection ends', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'chat/tea');
    await join(client, 'chat/coffee');
    expect(await client.request('$leave', { room: 'chat/tea' })).toMatchObject({
      event: '$left',
      data: { room: 'chat/tea' },
    });
    expect([sut.rooms.count('chat/tea'), sut.rooms.count('chat/coffee')]).toEqual([0, 1]);
    const left = new Promise((resolve) => sut.app.app.get(ConnectionRegistry).on('left', resolve));
    await client.close();
    await left;
    expect(sut.rooms.count('chat/coffee')).toBe(0);
  });

  it('that leaves before it was decided is no member, and each request is answered', async () => {
    await using sut = await start({}, { messages: { handlerTimeoutMs: 300 } });
    await using client = await TestClient.connectSdk(sut.app.url());
    const joining = client.request('$join', { room: 'chat/tea' });
    const leaving = client.request('$leave', { room: 'chat/tea' });
    const again = client.request('$join', { room: 'chat/coffee' });
    expect(await Promise.all([joining, leaving, again])).toMatchObject([
      { event: '$left', data: { room: 'chat/tea' } },
      { event: '$left', data: { room: 'chat/tea' } },
      { event: '$joined', data: { room: 'chat/coffee' } },
    ]);
    expect([sut.rooms.count('chat/tea'), sut.rooms.count('chat/coffee')]).toEqual([0, 1]);
  });

  it('may join only so many rooms, and only so often', async () => {
    await using sut = await start({ perConnection: 2, joinsPerSecond: 4 });
    await using client = await TestClient.connectSdk(sut.app.url());
    await join(client, 'chat/1');
    await join(client, 'chat/2');
    await expect(client.request('$join', { room: 'chat/3' })).rejects.toMatchObject({ code: 'TOO_MANY_ROOMS' });
    await join(client, 'chat/1');
    await expect(client.request('$join', { room: 'chat/1' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('cannot be imitated by a plain client, nor by the name of the method’s event', async () => {
    await using sut = await start();
    await using plain = await TestClient.connect(sut.app.url());
    await expect(plain.request('$join', { room: 'chat/1' })).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
    await expect(plain.request('$room:chat/:name', {})).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
    await using sdk = await TestClient.connectSdk(sut.app.url());
    await expect(sdk.request('$room:chat/:name', {})).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
  });
});

describe('PROTOCOL 17.5: a client that comes back to a room with its position', () => {
  it('gets what it missed, in order, and what comes after it', async () => {
    await using sut = await start();
    await using before = await TestClient.connectSdk(sut.app.url());
    const { epoch, offset } = await join(before, 'orders/1');
    for (const n of [1, 2, 3]) await sut.rooms.to('orders/1').emit('said', n);
    await before.close();
    await using after = await TestClient.connectSdk(sut.app.url());
    expect(await join(after, 'orders/1', { epoch, offset })).toMatchObject({ recovered: true, offset: 0, top: 3 });
    await sut.rooms.to('orders/1').emit('said', 4);
    for (const n of [1, 2, 3, 4]) expect(await after.next('said')).toMatchObject({ data: n, offset: n, epoch });
  });

  it.each([
    ['epoch', { epoch: 'another', offset: 1 }],
    ['future', { offset: 999 }],
  ])('is told when it cannot be: %s', async (reason, since) => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    const { epoch } = await join(client, 'orders/1');
    await sut.rooms.to('orders/1').emit('said', 1);
    await client.request('$leave', { room: 'orders/1' });
    expect(await join(client, 'orders/1', { epoch, ...since })).toMatchObject({
      recovered: false,
      reason,
      offset: 1,
      epoch,
    });
  });

  it('is told when too much was dropped: trimmed', async () => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    const { epoch, offset } = await join(client, 'orders/1');
    await client.request('$leave', { room: 'orders/1' });
    for (let n = 0; n < 300; n++) await sut.rooms.to('orders/1').emit('said', n);
    expect(await join(client, 'orders/1', { epoch, offset })).toMatchObject({ recovered: false, offset: 300 });
  });

  it('is told when it has missed more than it may catch up: too-many', async () => {
    const policies = [{ pattern: 'orders/:id', history: { size: 100 }, maxRecovered: 2 }];
    await using sut = await start({}, { rooms: policies });
    await using client = await TestClient.connectSdk(sut.app.url());
    const { epoch, offset } = await join(client, 'orders/1');
    await client.request('$leave', { room: 'orders/1' });
    for (const n of [1, 2, 3]) await sut.rooms.to('orders/1').emit('said', n);
    expect(await join(client, 'orders/1', { epoch, offset })).toMatchObject({
      recovered: false,
      reason: 'too-many',
      offset: 3,
    });
  });

  it('gets the newest publication where only that one is kept', async () => {
    await using sut = await start();
    for (const n of [1, 2, 3]) await sut.rooms.to('newest/price').emit('price', n);
    await using client = await TestClient.connectSdk(sut.app.url());
    expect(await join(client, 'newest/price')).toMatchObject({ kind: 'latest', recovered: true });
    expect(await client.next('price')).toMatchObject({ data: 3, offset: 3 });
  });
});

describe('PROTOCOL 17.11: an SDK client that publishes', () => {
  it('is answered by the method of the room, without being a member, and members get it', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    await join(ben, 'chat/tea');
    const publication = { room: 'chat/tea', event: 'said', data: { text: 'hello' } };
    expect(await ada.request('$publish', publication)).toMatchObject({ event: '$reply', data: {} });
    expect(await ben.next('said')).toEqual({ event: 'said', data: { text: 'hello' }, room: 'chat/tea' });
  });

  it.each([
    ['a room without such a method', { room: 'orders/1', event: 'said' }, 'FORBIDDEN'],
    ['what a pipe refuses', { room: 'chat/tea', event: 'said', data: { text: 'x'.repeat(21) } }, 'VALIDATION_FAILED'],
    ['a name that is none', { room: 'chat//tea', event: 'said' }, 'INVALID_ROOM'],
    ['no room', { event: 'said' }, 'MALFORMED_FRAME'],
    ['a reserved event', { room: 'chat/tea', event: '$joined' }, 'MALFORMED_FRAME'],
    ['no event', { room: 'chat/tea' }, 'MALFORMED_FRAME'],
  ])('is refused for %s', async (_, data, code) => {
    await using sut = await start();
    await using client = await TestClient.connectSdk(sut.app.url());
    await expect(client.request('$publish', data)).rejects.toMatchObject({ code });
  });

  it('has the order of its messages, however long their method takes', async () => {
    await using sut = await start();
    await using ada = await TestClient.connectSdk(sut.app.url());
    await using ben = await TestClient.connectSdk(sut.app.url());
    await join(ben, 'chat/tea');
    const texts = Array.from({ length: 50 }, (_, n) => (n % 3 === 0 ? 'later' : `${n}`));
    for (const text of texts)
      ada.send({ event: '$publish', data: { room: 'chat/tea', event: 'said', data: { text } } });
    for (const text of texts) expect(await ben.next('said')).toMatchObject({ data: { text } });
  });

  it('cannot be imitated by a plain client', async () => {
    await using sut = await start();
    await using plain = await TestClient.connect(sut.app.url());
    const data = { room: 'chat/tea', event: 'said', data: { text: 'x' } };
    await expect(plain.request('$publish', data)).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
    await expect(plain.request('$publish:chat/:name', data)).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
  });
});
