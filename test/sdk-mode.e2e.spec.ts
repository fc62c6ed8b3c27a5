import { EventEmitter, once } from 'node:events';
import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { type Connection, Counters, type Endpoint, HoldfastException, type HoldfastOptions } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, onlyConnection, registryOf } from './support/boot.js';

/** Decides by what the client calls itself in its query string. */
@Injectable()
class DoorGuard implements CanActivate {
  readonly asked = new EventEmitter<{ undecided: [decide: (admit: boolean) => void] }>();

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { handshake } = context.switchToWs().getClient<Connection>();
    const name = handshake.query.get('as');
    if (name === 'banned') throw new ForbiddenException();
    if (name === 'limited') throw new HoldfastException('CONFLICT', 'One at a time', { max: 1 });
    if (name !== 'undecided') return true;
    return new Promise<boolean>((decide) => this.asked.emit('undecided', decide));
  }
}

@UseGuards(DoorGuard)
@WebSocketGateway({ path: '/sdk' })
class SdkGateway {
  @WebSocketServer()
  readonly endpoint: Endpoint;

  @SubscribeMessage('say')
  say(): string {
    return 'heard';
  }
}

const clock = new ManualClock();
const quiet = { heartbeat: { intervalMs: 0 } };

const start = (options: HoldfastOptions = quiet): Promise<HoldfastTestApp> =>
  boot({ options, clock, providers: [DoorGuard, SdkGateway] });
const unwelcomed = (app: HoldfastTestApp, query = ''): Promise<TestClient> =>
  TestClient.connect(app.url(`/sdk${query}`), { protocols: ['holdfast.v1.json'] });

/** The last words of a connection: every frame that came, and the close. */
async function lastWords(client: TestClient): Promise<unknown[]> {
  const { code } = await client.closed;
  const frames = await Promise.all(client.waiting.map(() => client.next()));
  return [...frames.map(({ event, data, id }) => [event, (data as { code?: string }).code, id]), code];
}

describe('SDK mode', () => {
  it('is chosen by its subprotocol, whatever else is offered (PROTOCOL 2.4)', async () => {
    await using app = await start();
    const protocols = ['holdfast.plain', 'soap', 'holdfast.v1.json'];
    await using client = await TestClient.connectSdk(app.url('/sdk'), { protocols });
    expect(client.protocol).toBe('holdfast.v1.json');
  });

  it('answers $hello by $welcome with what the client has to know (PROTOCOL 6.2)', async () => {
    await using app = await start({
      heartbeat: { intervalMs: 20_000, missedBeats: 3 },
      messages: { maxPayloadBytes: 1_000 },
    });
    await using client = await TestClient.connectSdk(app.url('/sdk'));
    expect(client.welcome).toEqual({
      event: '$welcome',
      data: {
        connectionId: onlyConnection(app).id,
        heartbeat: { intervalMs: 20_000, graceMs: 60_000 },
        limits: { maxPayloadBytes: 1_000 },
      },
    });
    expect(await client.request('say')).toMatchObject({ data: 'heard' });
  });

  it('answers $ping by $pong with the same number (PROTOCOL 8.3)', async () => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/sdk'));
    client.send({ event: '$ping', data: { n: 7 } });
    expect(await client.next()).toEqual({ event: '$pong', data: { n: 7 } });
  });

  it.each([
    ['a number of the wrong kind', { event: '$ping', data: { n: 'seven' } }, 'MALFORMED_FRAME'],
    ['an event that only the server sends', { event: '$drain', data: {}, id: 5 }, 'RESERVED_EVENT'],
    ['an error', { event: '$error', data: { code: 'X', message: '' } }, 'RESERVED_EVENT'],
    ['an event that nobody knows', { event: '$moon' }, 'RESERVED_EVENT'],
    ['a second $hello', { event: '$hello', id: 'again' }, 'RESERVED_EVENT'],
    ['a second $hello that is malformed', { event: '$hello', data: { token: 7 } }, 'RESERVED_EVENT'],
  ])('answers %s by an error, counts it, and goes on (PROTOCOL 6.1, 6.6)', async (_what, frame, code) => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/sdk'));
    client.send(frame);
    const error = await client.next('$error');
    expect(error).toMatchObject({ data: { code } });
    expect(error.id).toBe('id' in frame ? frame.id : undefined);
    expect(await client.request('say')).toMatchObject({ data: 'heard' });
    expect(app.app.get(Counters).get('violation', code)).toBe(1);
    expect(onlyConnection(app).stats.violations).toBe(1);
  });
});

describe('before $welcome', () => {
  it.each([
    ['a message', '{"event":"say","id":1}', 'MALFORMED_FRAME', 1],
    ['a reserved event', '{"event":"$ping","data":{"n":1}}', 'MALFORMED_FRAME', undefined],
    ['no JSON', '{"event"', 'MALFORMED_FRAME', undefined],
    ['a binary message', Buffer.from('{}'), 'BINARY_UNSUPPORTED', undefined],
    ['a malformed $hello', '{"event":"$hello","data":{"token":""}}', 'MALFORMED_FRAME', undefined],
    ['a $hello of the wrong kind', '{"event":"$hello","data":[]}', 'MALFORMED_FRAME', undefined],
  ])('%s ends the connection with 4400 (PROTOCOL 6.3)', async (_what, frame, code, id) => {
    await using app = await start();
    await using client = await unwelcomed(app);
    client.sendRaw(frame);
    expect(await lastWords(client)).toEqual([['$error', code, id], 4400]);
  });

  it('a second $hello ends the connection with 4400 (PROTOCOL 6.3)', async () => {
    await using app = await start();
    await using client = await unwelcomed(app, '?as=undecided');
    client.send({ event: '$hello' });
    client.send({ event: '$hello' });
    expect(await lastWords(client)).toEqual([['$error', 'RESERVED_EVENT', undefined], 4400]);
  });

  it('a client that says nothing is closed with 4408 (PROTOCOL 6.1)', async () => {
    await using app = await start({ ...quiet, lifecycle: { helloTimeoutMs: 3_000 } });
    await using client = await unwelcomed(app);
    clock.advance(2_900);
    expect(onlyConnection(app).state).toBe('admitting');
    clock.advance(300);
    expect(await client.closed).toMatchObject({ code: 4408 });
  });

  it('guards that never decide end in HANDLER_TIMEOUT and 4505 (PROTOCOL 6.1)', async () => {
    await using app = await start({ ...quiet, admission: { handshakeTimeoutMs: 3_000 } });
    await using client = await unwelcomed(app, '?as=undecided');
    await helloUndecided(app, client);
    clock.advance(3_200);
    expect(await lastWords(client)).toEqual([['$error', 'HANDLER_TIMEOUT', undefined], 4505]);
  });

  it('a client that is forbidden hears so and is closed with 4403 (PROTOCOL 6.1)', async () => {
    await using app = await start();
    await using client = await unwelcomed(app, '?as=banned');
    client.send({ event: '$hello' });
    expect(await lastWords(client)).toEqual([['$error', 'FORBIDDEN', undefined], 4403]);
  });

  it('a client that is refused for another reason hears its details and is closed with 4500 (PROTOCOL 6.1)', async () => {
    await using app = await start();
    await using client = await unwelcomed(app, '?as=limited');
    client.send({ event: '$hello' });
    expect(await client.next()).toEqual({
      event: '$error',
      data: { code: 'CONFLICT', message: 'One at a time', details: { max: 1 } },
    });
    expect(await client.closed).toMatchObject({ code: 4500 });
  });

  it('a client hears nothing of the application and is not among the connections of the gateway', async () => {
    await using app = await start();
    const { endpoint } = app.app.get(SdkGateway);
    await using client = await unwelcomed(app);
    const connection = onlyConnection(app);
    expect(registryOf(app).ofGateway(SdkGateway).size).toBe(0);
    expect(endpoint.emit('secret', 42)).toBe(0);
    expect(connection.emit('secret', 42)).toBe(false);
    client.send({ event: '$hello' });
    expect(await client.next()).toMatchObject({ event: '$welcome' });
    expect([...registryOf(app).ofGateway(SdkGateway)]).toEqual([connection]);
    expect(endpoint.emit('news', 1)).toBe(1);
    expect(await client.next()).toMatchObject({ event: 'news' });
  });

  it('no heartbeat is due (PROTOCOL 6.5)', async () => {
    await using app = await start({ heartbeat: { intervalMs: 1_000 } });
    await using client = await unwelcomed(app, '?as=undecided');
    const decide = await helloUndecided(app, client);
    clock.advance(5_000);
    decide(true);
    expect(await client.next()).toMatchObject({ event: '$welcome' });
    expect(app.app.get(Counters).get('missedBeat', 'sdk')).toBe(0);
  });
});

/** Says hello and resolves, while the guard has not decided yet, with the means to decide. */
async function helloUndecided(app: HoldfastTestApp, client: TestClient): Promise<(admit: boolean) => void> {
  const asked = once(app.app.get(DoorGuard).asked, 'undecided');
  client.send({ event: '$hello' });
  // What the guard emits above.
  const [decide] = (await asked) as [(admit: boolean) => void];
  return decide;
}
