import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersOf, granted, refused, refusalOf, start } from './support/admission.js';

class WhereGateway {
  @SubscribeMessage('where')
  where(@ConnectedSocket() { handshake }: Connection): unknown {
    const { route, path, params, query } = handshake;
    return { route, path, params: { ...params }, query: Object.fromEntries(query) };
  }
}

@WebSocketGateway({ path: '/chat' })
class ChatGateway extends WhereGateway {}

@WebSocketGateway({ path: '/rooms/:room/users/:user' })
class RoomGateway extends WhereGateway {}

@WebSocketGateway({ path: '/rooms/lobby/users/:user' })
class LobbyGateway extends WhereGateway {}

async function whereIs(url: string): Promise<unknown> {
  await using client = await TestClient.connect(url);
  return (await client.request('where')).data;
}

describe('PROTOCOL.md 2.1 steps 2 to 5', () => {
  let app: HoldfastTestApp;

  beforeAll(async () => {
    app = await start({ gateways: [ChatGateway, RoomGateway, LobbyGateway] });
  });
  afterAll(() => app.close());

  it.each([
    '/',
    '/chats',
    '/CHAT',
    '/chat//',
    '//chat',
    '/chat/x',
    '/rooms/1/users',
    '/rooms//users/2',
    '/rooms/%ff/users/2',
    '/a?/chat',
  ])('nobody listens on %s: 404', async (path) => {
    const before = countersOf(app).get('refused', 'PATH_NOT_FOUND');
    expect(await refused(app.url(), { path })).toMatchObject({ status: 404, code: 'PATH_NOT_FOUND' });
    expect(countersOf(app).get('refused', 'PATH_NOT_FOUND')).toBe(before + 1);
  });

  it('a client made with ws is told so, too', async () => {
    const answer = await refusalOf(TestClient.connect(app.url('/nowhere')));
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'PATH_NOT_FOUND' } } });
  });

  it('params reach the connection, percent-decoded', async () => {
    expect(await whereIs(app.url('/rooms/caf%C3%A9%2Fbar/users/__proto__?x=1'))).toEqual({
      route: '/rooms/:room/users/:user',
      path: '/rooms/caf%C3%A9%2Fbar/users/__proto__',
      params: Object.fromEntries([
        ['room', 'café/bar'],
        ['user', '__proto__'],
      ]),
      query: { x: '1' },
    });
  });

  it('a static segment wins over a param', async () => {
    expect(await whereIs(app.url('/rooms/lobby/users/7'))).toMatchObject({ route: '/rooms/lobby/users/:user' });
    expect(await whereIs(app.url('/rooms/lobbies/users/7'))).toMatchObject({ route: '/rooms/:room/users/:user' });
  });

  it.each(['/chat', '/chat/', '/chat?a=b', '/chat/?a=b'])('%s is the chat', async (path) => {
    expect(await whereIs(app.url(path))).toMatchObject({ route: '/chat' });
  });

  it('a target in absolute form is that of its path, whatever host it names', async () => {
    const { socket } = await granted(app.url(), { path: 'http://elsewhere.example/chat' });
    socket.destroy();
  });

  it.each(['POST', 'PUT', 'OPTIONS', 'HEAD'])('method %s: 426', async (method) => {
    const answer = await refused(app.url('/chat'), { method });
    expect(answer).toMatchObject({ status: 426, code: 'UPGRADE_REQUIRED' });
    expect(answer.headers).toMatchObject({ upgrade: 'websocket', 'sec-websocket-version': '13' });
    expect(answer.headers['connection']).toBe('close, Upgrade');
  });

  it.each([['8'], ['14'], [''], ['13, 8'], ['0x0d']])('version "%s": 426', async (version) => {
    expect(await refused(app.url('/chat'), { version })).toMatchObject({ status: 426, code: 'UPGRADE_REQUIRED' });
  });

  it('an upgrade to something else: 426', async () => {
    expect(await refused(app.url('/chat'), { headers: { Upgrade: 'h2c' } })).toMatchObject({ status: 426 });
  });

  it.each([
    ['no key', { 'Sec-WebSocket-Key': undefined }],
    ['a key that is too short', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
    ['a key that is no base64', { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }],
    ['two keys', { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }],
    ['a body', { 'Content-Length': '5' }],
    ['a body in chunks', { 'Transfer-Encoding': 'chunked' }],
    ['an empty name among the subprotocols', { 'Sec-WebSocket-Protocol': 'holdfast.plain, ,x' }],
    ['a subprotocol that comes twice', { 'Sec-WebSocket-Protocol': 'holdfast.plain, holdfast.plain' }],
  ])('%s: 400', async (_, headers) => {
    expect(await refused(app.url('/chat'), { headers })).toMatchObject({ status: 400, code: 'BAD_HANDSHAKE' });
  });

  it('subprotocols of which none is spoken here: 400 that names those that are', async () => {
    const answer = await refused(app.url('/chat'), { headers: { 'Sec-WebSocket-Protocol': 'graphql-ws, soap' } });
    expect(answer).toMatchObject({ status: 400, code: 'SUBPROTOCOL_UNSUPPORTED' });
    expect(answer.message).toContain('holdfast.v1.json');
    expect(answer.message).toContain('holdfast.plain');
    expect(answer.body).not.toContain('soap');
  });

  it('the path is looked at before the method, and the method before the key', async () => {
    const headers = { 'Sec-WebSocket-Key': undefined };
    expect(await refused(app.url('/nowhere'), { method: 'POST', headers })).toMatchObject({ status: 404 });
    expect(await refused(app.url('/chat'), { method: 'POST', headers })).toMatchObject({ status: 426 });
  });
});

describe('the global prefix of the application', () => {
  it('is in front of gateways as it is in front of controllers', async () => {
    await using app = await start({ gateways: [ChatGateway], configure: (nest) => nest.setGlobalPrefix('api/v1') });
    expect(await whereIs(app.url('/api/v1/chat'))).toMatchObject({ route: '/api/v1/chat' });
    expect(await refused(app.url('/chat'))).toMatchObject({ status: 404 });
  });

  it('is not, where the option says so', async () => {
    await using app = await start({
      gateways: [ChatGateway],
      options: { admission: { useGlobalPrefix: false } },
      configure: (nest) => nest.setGlobalPrefix('api'),
    });
    expect(await whereIs(app.url('/chat'))).toMatchObject({ route: '/chat' });
    expect(await refused(app.url('/api/chat'))).toMatchObject({ status: 404 });
  });
});
