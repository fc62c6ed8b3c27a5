import { type HoldfastTestApp, HandshakeRefused, rawUpgrade, RequestFailed, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { livePath } from '../src/live-path.js';
import { connectAs, postJson, startSecuredService, startService, tokenOf } from './support/service.js';

let app: HoldfastTestApp;
beforeAll(async () => {
  app = await startSecuredService();
});
afterAll(async () => {
  await app.close();
});

describe('the chat', () => {
  it('brings what one says to everybody in the room, under the name that the token proves', async () => {
    await using ada = await connectAs(app, 'ada');
    await using bob = await connectAs(app, 'bob');
    await using elsewhere = await connectAs(app, 'eve');
    await elsewhere.request('join', { room: 'cellar' });
    expect((await ada.request('join', { room: 'attic' })).data).toMatchObject({ room: 'attic', people: 1 });
    expect((await bob.request('join', { room: 'attic' })).data).toMatchObject({ people: 2 });

    expect((await ada.request('say', { text: 'hello' })).data).toEqual({ heardBy: 2 });
    expect((await bob.next('said')).data).toMatchObject({ name: 'ada', text: 'hello' });
    bob.send({ event: 'typing' });
    expect((await ada.next('typing')).data).toEqual({ name: 'bob' });

    await bob.close();
    expect((await ada.next('left')).data).toEqual({ name: 'bob' });
    // The last answer of the connection: whatever was on its way to it would have come before.
    await elsewhere.request('join', { room: 'cellar' });
    expect(elsewhere.waiting).not.toContain('said');
  });

  it('keeps what was said: for who joins later, and by HTTP after a position', async () => {
    await using ada = await connectAs(app, 'ada');
    await ada.request('join', { room: 'archive' });
    for (const text of ['one', 'two', 'three']) await ada.request('say', { text });
    const heard = await ada.next('said');
    await using bob = await connectAs(app, 'bob');
    const { recent } = (await bob.request('join', { room: 'archive' })).data as { recent: object[] };
    expect(recent).toMatchObject([
      { offset: 1, name: 'ada', text: 'one' },
      { offset: 2, text: 'two' },
      { offset: 3, text: 'three' },
    ]);
    const headers = { Authorization: `Bearer ${await tokenOf('bob')}` };
    const read = async (query: string): Promise<unknown> =>
      (await fetch(app.httpUrl(`/chat/archive/history?${query}`), { headers })).json();
    const { epoch } = heard as unknown as { epoch: string };
    expect(await read(`epoch=${epoch}&offset=1`)).toMatchObject({
      recovered: true,
      position: { room: 'chat/archive', epoch, offset: 3 },
      publications: [{ offset: 2, data: { text: 'two' } }, { offset: 3 }],
      more: false,
    });
    expect(await read(`epoch=${epoch}&offset=9`)).toMatchObject({ recovered: false, reason: 'future' });
    expect(await read('epoch=another&offset=1')).toMatchObject({ recovered: false, reason: 'epoch' });
    expect(await read(`epoch=${epoch}&offset=-1`)).toMatchObject({ statusCode: 400 });
    expect((await fetch(app.httpUrl('/chat/archive/history?epoch=e&offset=1'))).status).toBe(401);
  });

  it('gives one who comes back what was said meanwhile', async () => {
    await using ada = await connectAs(app, 'ada');
    await ada.request('join', { room: 'bridge' });
    const token = await tokenOf('bob');
    const bob = await TestClient.connectSdk(app.url(livePath), { token, hello: { session: null } });
    await bob.request('join', { room: 'bridge' });
    const { session } = bob.welcome?.data as { session: { id: string } };
    bob.terminate();
    await ada.next('left');
    for (const text of ['one', 'two']) await ada.request('say', { text });
    await using again = await TestClient.connectSdk(app.url(livePath), { token, hello: { session: session.id } });
    expect(await again.next('said')).toMatchObject({ data: { text: 'one' }, room: 'chat/bridge', offset: 1 });
    expect(await again.next('said')).toMatchObject({ data: { text: 'two' }, offset: 2 });
  });

  it('moves one who joins another room', async () => {
    await using ada = await connectAs(app, 'ada');
    await using bob = await connectAs(app, 'bob');
    await ada.request('join', { room: 'first' });
    await bob.request('join', { room: 'first' });
    await bob.request('join', { room: 'second' });
    expect((await ada.next('left')).data).toEqual({ name: 'bob' });
    expect((await ada.request('say', { text: 'alone' })).data).toEqual({ heardBy: 1 });
  });

  it.each([
    ['join', { room: 'no spaces' }, 'VALIDATION_FAILED'],
    ['join', { room: 'r', admin: true }, 'VALIDATION_FAILED'],
    ['join', undefined, 'VALIDATION_FAILED'],
    ['say', { text: '' }, 'VALIDATION_FAILED'],
    ['say', { text: 'x'.repeat(501) }, 'VALIDATION_FAILED'],
    ['say', { text: 'before joining' }, 'CONFLICT'],
    ['shout', {}, 'UNKNOWN_EVENT'],
  ])('answers %s %j by %s', async (event, data, code) => {
    await using client = await connectAs(app, 'ada');
    const failure: unknown = await client.request(event, data).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RequestFailed);
    expect(failure).toMatchObject({ code });
  });

  it('answers one who says too much by RATE_LIMITED, whichever connection it comes from', async () => {
    await using first = await connectAs(app, 'chatterbox');
    await using second = await connectAs(app, 'chatterbox');
    await first.request('join', { room: 'flood' });
    await second.request('join', { room: 'flood' });
    for (let said = 0; said < 20; said++) await first.request('say', { text: 'blah' });
    await expect(second.request('say', { text: 'blah' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});

describe('notifications', () => {
  it('reach every device of a principal by HTTP POST, and nobody else', async () => {
    await using phone = await connectAs(app, 'bob');
    await using laptop = await connectAs(app, 'bob');
    await using other = await connectAs(app, 'carol');
    const response = await postJson(app.httpUrl('/notifications/bob'), { text: 'dinner' }, await tokenOf('ada'));
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ delivered: 2 });
    for (const device of [phone, laptop]) {
      expect((await device.next('notification')).data).toMatchObject({ from: 'ada', text: 'dinner' });
    }
    expect(
      await (await postJson(app.httpUrl('/notifications/carol'), { text: 'x' }, await tokenOf('ada'))).json(),
    ).toEqual({ delivered: 1 });
    expect((await other.next()).data).toMatchObject({ text: 'x' });
  });

  it('wait for a device that has lost its connection', async () => {
    const token = await tokenOf('dora|1');
    const notify = (text: string): Promise<Response> =>
      postJson(app.httpUrl(`/notifications/${encodeURIComponent('dora|1')}`), { text }, token);
    const phone = await TestClient.connectSdk(app.url(livePath), { token, hello: { session: null } });
    const { room, epoch } = (await phone.next('$joined')).data as { room: string; epoch: string };
    await notify('first');
    await phone.next('notification');
    const { session } = phone.welcome?.data as { session: { id: string } };
    phone.terminate();
    await notify('second');
    const hello = { session: session.id, positions: [{ room, epoch, offset: 1 }] };
    await using again = await TestClient.connectSdk(app.url(livePath), { token, hello });
    expect(await again.next('notification')).toMatchObject({ data: { text: 'second' }, offset: 2 });
  });

  it('are refused to a caller without a token, and when they say nothing', async () => {
    const stranger = await postJson(app.httpUrl('/notifications/bob'), { text: 'dinner' });
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toBe('Bearer');
    const empty = await postJson(app.httpUrl('/notifications/bob'), { text: '' }, await tokenOf('ada'));
    expect(empty.status).toBe(400);
  });
});

describe('the dashboard', () => {
  it('shows who is connected, and says at once who comes and goes', async () => {
    await using own = await startSecuredService({ HOLDFAST_HEARTBEAT_MS: '1000' });
    const token = await tokenOf('root');
    await using watcher = await TestClient.connectSdk(own.url(livePath), { token, hello: { session: null } });
    await watcher.request('$join', { room: 'dashboard' });
    const until = async (wanted: (view: View) => boolean): Promise<View> => {
      for (;;) {
        // The shape is what these tests are about; they would fail on any other.
        const view = (await watcher.next('view')).data as View;
        if (wanted(view)) return view;
      }
    };
    expect((await until(() => true)).total).toBe(1);

    const guest = await connectAs(own, 'guest');
    const joined = await until(({ total, connections }) => total === 2 && connections[1]?.state === 'open');
    expect(joined.connections[1]).toMatchObject({ who: 'guest', state: 'open', rooms: 1 });
    expect(joined.connections[1]?.id).toHaveLength(8);
    const beaten = await until(({ connections }) => connections.every(({ rtt }) => rtt !== null));
    expect(beaten.connections.every(({ rtt }) => Number(rtt) >= 0)).toBe(true);

    await guest.close();
    await until(({ total }) => total === 1);
  });

  it('is nothing for strangers', async () => {
    await expect(TestClient.connect(app.url(livePath))).rejects.toThrow(HandshakeRefused);
  });
});

interface View {
  readonly total: number;
  readonly connections: readonly { id: string; who: string; state: string; rooms: number; rtt: number | null }[];
}

describe('health', () => {
  it('is live and ready, with a reason', async () => {
    expect((await fetch(app.httpUrl('/health/live'))).status).toBe(200);
    const ready = await fetch(app.httpUrl('/health/ready'));
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: 'ok', info: { sockets: { status: 'up', state: 'ready' } } });
  });

  it('is live but not ready while the node drains', async () => {
    await using draining = await startSecuredService();
    // A peer that does not answer the goodbye keeps the drain going for as long as it likes.
    const peer = await rawUpgrade(draining.url(livePath), {
      headers: { authorization: `Bearer ${await tokenOf('ada')}` },
    });
    if (!peer.upgraded) throw new Error(`refused: ${peer.body}`);
    const closed = draining.close();
    await peer.frames.next();
    const ready = await fetch(draining.httpUrl('/health/ready'));
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ error: { sockets: { status: 'down', state: 'draining' } } });
    expect((await fetch(draining.httpUrl('/health/live'))).status).toBe(200);
    peer.socket.destroy();
    await closed;
  });
});

describe('the page and its token', () => {
  it('exist in demo mode, the token good for what the page does', async () => {
    await using demo = await startService();
    const page = await fetch(demo.httpUrl('/'));
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Holdfast</title>');
    const response = await postJson(demo.httpUrl('/demo/token'), { name: 'Ada' });
    const { token } = (await response.json()) as { token: string };
    await using client = await TestClient.connect(demo.url(livePath), {
      protocols: ['holdfast.plain', `bearer.${token}`],
      origin: demo.httpUrl('').replace(/\/$/, ''),
    });
    await client.request('join', { room: 'lobby' });
    expect((await client.next('joined')).data).toEqual({ name: 'Ada' });
    expect((await postJson(demo.httpUrl('/demo/token'), { name: '' })).status).toBe(400);
  });

  it('load the client from the service itself, anew only when it has changed', async () => {
    const url = app.httpUrl('/holdfast-client.js');
    const bundle = await fetch(url);
    expect(bundle.status).toBe(200);
    expect(bundle.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(bundle.headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
    expect(bundle.headers.get('x-content-type-options')).toBe('nosniff');
    expect(bundle.headers.get('cache-control')).toBe('no-cache');
    expect(await bundle.text()).toMatch(/export ?\{[^}]*createClient/);
    const headers = { 'If-None-Match': bundle.headers.get('etag') ?? '', 'Cache-Control': 'max-age=0' };
    expect((await fetch(url, { headers })).status).toBe(304);
  });

  it('are refused to a page of another origin', async () => {
    await using demo = await startService();
    const response = await postJson(demo.httpUrl('/demo/token'), { name: 'Ada' });
    const { token } = (await response.json()) as { token: string };
    const stolen = TestClient.connect(demo.url(livePath), { token, origin: 'https://evil.example' });
    await expect(stolen).rejects.toMatchObject({ status: 403 });
  });

  it('give no tokens once a key is configured', async () => {
    expect((await postJson(app.httpUrl('/demo/token'), { name: 'Ada' })).status).toBe(404);
  });
});
