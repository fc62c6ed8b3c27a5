import { once } from 'node:events';
import { connect } from 'node:net';
import { type CanActivate, type ExecutionContext, Injectable, type Type, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AdmissionOptions, AuthGuard, type Connection, HoldfastGateway } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';
import {
  countersOf,
  deserted,
  granted,
  refused,
  refusalOf,
  registryOf,
  secret,
  start,
  tokenFor,
} from './support/admission.js';

@WebSocketGateway({ path: '/open' })
class OpenGateway {
  @SubscribeMessage('hello')
  hello(): string {
    return 'hello';
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/private' })
class PrivateGateway extends OpenGateway {}

const boundless = { limit: Infinity, windowMs: 1_000 };

function startWith(
  admission: Omit<AdmissionOptions, never>,
  gateways: Type[] = [OpenGateway],
): Promise<HoldfastTestApp> {
  return start({ gateways, options: { auth: { secret }, admission: { handshakeRate: boundless, ...admission } } });
}

describe('PROTOCOL.md 2.1 steps 7 to 9 and 12: room for connections', () => {
  it('in all: 503, and the place comes back when somebody leaves', async () => {
    await using app = await startWith({ maxConnections: 2 });
    await using one = await TestClient.connect(app.url('/open'));
    await using two = await TestClient.connect(app.url('/open'));
    expect(await refused(app.url('/open'))).toMatchObject({ status: 503, code: 'TOO_MANY_CONNECTIONS' });
    expect(await refusalOf(TestClient.connect(app.url('/open')))).toMatchObject({ status: 503 });
    expect(countersOf(app).get('refused', 'TOO_MANY_CONNECTIONS')).toBe(2);
    await Promise.all([one.close(), two.close()]);
    await deserted(app);
    await using three = await TestClient.connect(app.url('/open'));
    await using four = await TestClient.connect(app.url('/open'));
    expect(await three.request('hello')).toEqual(expect.objectContaining({ data: 'hello' }));
    expect(await four.request('hello')).toEqual(expect.objectContaining({ data: 'hello' }));
  });

  it('for one address: 429, and others are still let in', async () => {
    await using app = await startWith({ maxConnectionsPerIp: 1 });
    await using one = await TestClient.connect(app.url('/open'));
    expect(await refused(app.url('/open'))).toMatchObject({ status: 429, code: 'TOO_MANY_CONNECTIONS_PER_IP' });
    const other = await granted(app.url('/open'), { localAddress: '127.0.0.77' });
    other.socket.destroy();
    await one.close();
    await deserted(app);
    (await granted(app.url('/open'))).socket.destroy();
  });

  it('for one principal: 429 for a plain client, and for others there is room', async () => {
    await using app = await startWith({ maxConnectionsPerPrincipal: 1 }, [PrivateGateway]);
    const [ada, bob] = await Promise.all([tokenFor('ada'), tokenFor('bob')]);
    await using first = await TestClient.connect(app.url('/private'), { token: ada });
    const headers = { Authorization: `Bearer ${ada}` };
    const answer = await refused(app.url('/private'), { headers });
    expect(answer).toMatchObject({ status: 429, code: 'TOO_MANY_CONNECTIONS_PER_PRINCIPAL' });
    await using other = await TestClient.connect(app.url('/private'), { token: bob });
    expect(await other.request('hello')).toMatchObject({ data: 'hello' });
    await first.close();
    await using again = await retryUntilGranted(app.url('/private'), ada);
    expect(await again.request('hello')).toMatchObject({ data: 'hello' });
  });

  it('for one principal: close 4429 for an SDK client (6.1)', async () => {
    await using app = await startWith({ maxConnectionsPerPrincipal: 1 }, [PrivateGateway]);
    const token = await tokenFor('ada');
    await using first = await TestClient.connectSdk(app.url('/private'), { token });
    await using second = await TestClient.connect(app.url('/private'), { protocols: ['holdfast.v1.json'] });
    second.send({ event: '$hello', data: { token } });
    expect(await second.next('$error')).toMatchObject({ data: { code: 'TOO_MANY_CONNECTIONS_PER_PRINCIPAL' } });
    expect(await second.closed).toMatchObject({ code: 4429 });
    expect(await first.request('hello')).toMatchObject({ data: 'hello' });
  });

  it('handshakes of one address: 429 with the time to wait, and only those that came so far count', async () => {
    await using app = await startWith({ handshakeRate: { limit: 3, windowMs: 60_000 } });
    for (let attempt = 0; attempt < 3; attempt++) (await granted(app.url('/open'))).socket.destroy();
    const answer = await refused(app.url('/open'));
    expect(answer).toMatchObject({ status: 429, code: 'HANDSHAKE_RATE_LIMITED' });
    expect(answer.retryAfterMs).toBeGreaterThan(0);
    expect(answer.retryAfterMs).toBeLessThanOrEqual(120_000);
    expect(answer.headers['retry-after']).toBe(String(Math.ceil(answer.retryAfterMs! / 1_000)));
    (await granted(app.url('/open'), { localAddress: '127.0.0.78' })).socket.destroy();
  });

  it('handshakes that came too often take no place', async () => {
    await using app = await startWith({ maxConnections: 1, handshakeRate: { limit: 2, windowMs: 60_000 } });
    const [one, another] = ['127.0.0.81', '127.0.0.82'];
    for (let attempt = 0; attempt < 2; attempt++) {
      (await granted(app.url('/open'), { localAddress: one })).socket.destroy();
      await deserted(app);
    }
    const answer = await refused(app.url('/open'), { localAddress: one });
    expect(answer).toMatchObject({ code: 'HANDSHAKE_RATE_LIMITED' });
    (await granted(app.url('/open'), { localAddress: another })).socket.destroy();
  });

  it('handshakes that are let in again once the time they were told has passed', async () => {
    const clock = new ManualClock();
    const options = { admission: { handshakeRate: { limit: 1, windowMs: 60_000 } } };
    await using app = await boot({ options, clock, providers: [OpenGateway] });
    (await granted(app.url('/open'))).socket.destroy();
    const { retryAfterMs } = await refused(app.url('/open'));
    clock.advance(retryAfterMs! - 1);
    expect(await refused(app.url('/open'))).toMatchObject({ code: 'HANDSHAKE_RATE_LIMITED', retryAfterMs: 1 });
    clock.advance(1);
    (await granted(app.url('/open'))).socket.destroy();
  });
});

/** The server hears of a departure a little later than the client that left. */
async function retryUntilGranted(url: string, token: string): Promise<TestClient> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const client = await TestClient.connect(url, { token }).catch(() => undefined);
    if (client) return client;
  }
  throw new Error('the place did not come back');
}

/** Decides as the URL says, so that one gateway shows all ways in which a handshake can end. */
@Injectable()
class MoodyGuard implements CanActivate {
  readonly waiting = new Set<() => void>();
  #arrived: (() => void) | undefined;

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { handshake } = context.switchToWs().getClient<Connection>();
    switch (handshake.query.get('mood')) {
      case 'refuse':
        return false;
      case 'throw':
        throw new Error('moody');
      case 'wait': {
        const decided = new Promise<boolean>((resolve) =>
          this.waiting.add(() => {
            resolve(true);
          }),
        );
        this.#arrived?.();
        return decided;
      }
      default:
        return true;
    }
  }

  arrival(): Promise<void> {
    return new Promise((resolve) => (this.#arrived = resolve));
  }
}

@UseGuards(MoodyGuard)
@WebSocketGateway({ path: '/moody' })
class MoodyGateway extends HoldfastGateway {
  override async onConnect({ handshake }: Connection): Promise<void> {
    if (handshake.query.get('mood') === 'fail') throw new Error('moody');
  }
}

describe('places come back', () => {
  const rounds = 300;

  async function startMoody(): Promise<HoldfastTestApp> {
    return start({
      gateways: [MoodyGateway],
      providers: [MoodyGuard],
      options: { admission: { maxConnections: 3, maxConnectionsPerIp: 3, handshakeRate: boundless } },
    });
  }

  async function hasAllPlaces(app: HoldfastTestApp): Promise<void> {
    await deserted(app);
    const url = app.url('/moody');
    const all = [await granted(url), await granted(url), await granted(url)];
    expect(await refused(url)).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    for (const { socket } of all) socket.destroy();
  }

  it.each([
    ['a guard that refuses', '/moody?mood=refuse', 403],
    ['a guard that throws', '/moody?mood=throw', 500],
    ['a path that does not exist', '/none', 404],
  ])(`after ${rounds} handshakes refused by %s`, async (_, path, status) => {
    await using app = await startMoody();
    for (let round = 0; round < rounds; round++) expect(await refused(app.url(path))).toMatchObject({ status });
    await hasAllPlaces(app);
  });

  it(`after ${rounds} connections that ended without a word`, async () => {
    await using app = await startMoody();
    for (let round = 0; round < rounds; round++) {
      const { socket } = await granted(app.url('/moody'));
      const left = new Promise<void>((resolve) => {
        const stop = registryOf(app).on('left', () => {
          stop();
          resolve();
        });
      });
      if (round % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
      await left;
    }
    await hasAllPlaces(app);
  });

  it(`after ${rounds} connections whose hook failed`, async () => {
    await using app = await startMoody();
    for (let round = 0; round < rounds; round++) {
      const { frames, socket } = await granted(app.url('/moody?mood=fail'));
      await frames.next();
      socket.destroy();
      if (registryOf(app).size > 1) await deserted(app);
    }
    await hasAllPlaces(app);
  });

  it(`after ${rounds} clients that reset the connection while a guard was at work, at once`, async () => {
    await using app = await startMoody();
    const guard = app.app.get(MoodyGuard);
    for (let round = 0; round < rounds; round++) {
      const arrival = guard.arrival();
      const socket = connect(app.port, '127.0.0.1').on('error', () => undefined);
      socket.write(
        'GET /moody?mood=wait HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await arrival;
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    // None of the guards has decided.
    expect(guard.waiting.size).toBe(rounds);
    await hasAllPlaces(app);
    for (const decide of guard.waiting) decide();
    await hasAllPlaces(app);
    expect(countersOf(app).get('admitted', 'plain')).toBe(6);
  });

  it('after guards that decided when it was too late', async () => {
    await using app = await start({
      gateways: [MoodyGateway],
      providers: [MoodyGuard],
      options: { admission: { maxConnections: 3, handshakeRate: boundless, handshakeTimeoutMs: 100 } },
    });
    const guard = app.app.get(MoodyGuard);
    for (let round = 0; round < 3; round++) {
      expect(await rawUpgrade(app.url('/moody?mood=wait'))).toMatchObject({ status: 503 });
    }
    await hasAllPlaces(app);
    for (const decide of guard.waiting) decide();
    await hasAllPlaces(app);
  });
});
