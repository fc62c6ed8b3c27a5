import { connect } from 'node:net';
import { type CanActivate, type ExecutionContext, Injectable, type Type, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Authenticator, AuthGuard, type Connection, HoldfastGateway, type Principal } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { countersOf, deserted, Gate, granted, refused, registryOf, start } from './support/admission.js';
import { upgradeHeaders } from './support/hostile.js';

/** Where somebody is held up: what has passed it has decided already, and what comes after has not. */
let gate: Gate;
beforeEach(() => (gate = new Gate()));

@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { handshake } = context.switchToWs().getClient<Connection>();
    if (handshake.query.has('quick')) return true;
    await gate.pass();
    return true;
  }
}

/** The token is the name. Whose begins with "slow" has to wait. */
class NameAuthenticator extends Authenticator {
  override authenticate(token: string): Principal | Promise<Principal> {
    const principal = { subject: 'ada', expiresAt: Infinity, claims: {} };
    return token.startsWith('slow') ? gate.pass().then(() => principal) : principal;
  }
}

@UseGuards(AuthGuard, SlowGuard)
@WebSocketGateway({ path: '/slow-guard' })
class SlowGuardGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/slow-hook' })
class SlowHandshakeGateway extends HoldfastGateway {
  override async onHandshake(): Promise<void> {
    await gate.pass();
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/two' })
class FirstGateway {}

@UseGuards(SlowGuard)
@WebSocketGateway({ path: '/two' })
class SecondGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/members' })
class MembersGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/slow-connection' })
class SlowConnectionGateway {
  async handleConnection(): Promise<void> {
    await gate.pass();
  }
}

let secretsTold = 0;
beforeEach(() => (secretsTold = 0));

@WebSocketGateway({ path: '/open' })
class OpenGateway {
  @UseGuards(AuthGuard)
  @SubscribeMessage('secret')
  secret(): string {
    secretsTold++;
    return 'secret';
  }

  @UseGuards(AuthGuard, SlowGuard)
  @SubscribeMessage('slow secret')
  slowSecret(): string {
    return 'secret';
  }
}

const gateways: Type[] = [
  ...[SlowGuardGateway, SlowHandshakeGateway, FirstGateway, SecondGateway, MembersGateway],
  ...[SlowConnectionGateway, OpenGateway],
];

function startAll(): Promise<HoldfastTestApp> {
  const admission = { maxConnections: 1 };
  return start({ gateways, options: { authenticator: NameAuthenticator, admission } });
}

const ada = { Authorization: 'Bearer ada' };
const slowly = { Authorization: 'Bearer slow-ada' };

/** The only place is free, and what belongs to nobody is remembered by nobody. */
async function nothingIsLeft(app: HoldfastTestApp): Promise<void> {
  await deserted(app);
  expect(registryOf(app).disconnectPrincipal('ada')).toBe(0);
  const { socket } = await granted(app.url('/open'));
  socket.destroy();
  await deserted(app);
}

describe('disconnectPrincipal() before a plain client has its 101', () => {
  it.each([
    ['a slower guard is at work', '/slow-guard'],
    ['onHandshake is at work', '/slow-hook'],
    ['the guard of another gateway of the path is at work', '/two'],
  ])('refuses it while %s', async (_name, path) => {
    await using app = await startAll();
    const answer = refused(app.url(path), { headers: ada });
    await gate.reached;
    expect(registryOf(app).ofPrincipal('ada').size).toBe(0);
    expect(registryOf(app).disconnectPrincipal('bob')).toBe(0);
    expect(registryOf(app).disconnectPrincipal('ada')).toBe(1);
    gate.open();
    expect(await answer).toMatchObject({ status: 403, code: 'FORBIDDEN', message: 'access was withdrawn' });
    await nothingIsLeft(app);
  });

  it('refuses it while its token is being verified', async () => {
    await using app = await startAll();
    const answer = refused(app.url('/members'), { headers: slowly });
    await gate.reached;
    // Nobody knows yet whose token it is.
    expect(registryOf(app).disconnectPrincipal('ada')).toBe(0);
    gate.open();
    expect(await answer).toMatchObject({ status: 403, code: 'FORBIDDEN', message: 'access was withdrawn' });
    await nothingIsLeft(app);
  });

  it('leaves it alone when the access of others was withdrawn meanwhile, or its own before', async () => {
    await using app = await startAll();
    registryOf(app).disconnectPrincipal('ada');
    const answer = granted(app.url('/members'), { headers: slowly });
    await gate.reached;
    registryOf(app).disconnectPrincipal('bob');
    gate.open();
    const { socket } = await answer;
    expect(registryOf(app).ofPrincipal('ada').size).toBe(1);
    socket.destroy();
    await nothingIsLeft(app);
  });

  it('forgets one that has left before the guards have decided, whatever they find out then', async () => {
    await using app = await startAll();
    for (const [path, { Authorization }] of [
      ['/slow-guard', ada],
      ['/members', slowly],
    ] as const) {
      gate = new Gate();
      const socket = connect(app.port, '127.0.0.1');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${Authorization}\r\n${upgradeHeaders}\r\n`);
      await gate.reached;
      const gone = countersOf(app).get('refused', 'BAD_HANDSHAKE') + 1;
      socket.resetAndDestroy();
      await expect.poll(() => countersOf(app).get('refused', 'BAD_HANDSHAKE')).toBe(gone);
      expect(registryOf(app).disconnectPrincipal('ada')).toBe(0);
      gate.open();
      await nothingIsLeft(app);
    }
  });
});

describe('disconnectPrincipal() before an SDK client has its $welcome', () => {
  const protocols = ['holdfast.v1.json'];

  it.each([
    ['a slower guard is at work', '/slow-guard', 'ada', 1],
    ['onHandshake is at work', '/slow-hook', 'ada', 1],
    ['its token is being verified', '/members', 'slow-ada', 0],
  ])('closes it with 4410 while %s', async (_name, path, token, count) => {
    await using app = await startAll();
    await using client = await TestClient.connect(app.url(path), { protocols });
    client.send({ event: '$hello', data: { token } });
    await gate.reached;
    expect(registryOf(app).disconnectPrincipal('ada')).toBe(count);
    gate.open();
    await expect(client.next()).rejects.toThrow();
    expect(await client.closed).toEqual({ code: 4410, reason: 'access was withdrawn' });
    await nothingIsLeft(app);
  });
});

describe('disconnectPrincipal() while connection hooks are at work', () => {
  it.each([
    ['plain', { headers: ada }],
    ['SDK', { headers: ada, protocols: ['holdfast.v1.json'] }],
  ])('closes the connection with 4410, and it never opens (%s)', async (mode, options) => {
    await using app = await startAll();
    const states: string[] = [];
    registryOf(app).on('changed', (_connection, { to }) => states.push(to));
    await using client = await TestClient.connect(app.url('/slow-connection'), options);
    if (mode === 'SDK') client.send({ event: '$hello' });
    await gate.reached;
    expect(registryOf(app).disconnectPrincipal('ada', 4_001, 'banned')).toBe(1);
    gate.open();
    expect(await client.closed).toEqual({ code: 4_001, reason: 'banned' });
    await deserted(app);
    expect(states).toEqual(['draining', 'closed']);
    await nothingIsLeft(app);
  });
});

describe('disconnectPrincipal() while a guard of a handler finds out who an anonymous client is', () => {
  it.each([
    ['secret', slowly, 0],
    ['slow secret', ada, 1],
  ])('closes the connection with 4410 (%s)', async (event, headers, count) => {
    await using app = await startAll();
    await using client = await TestClient.connect(app.url('/open'), { headers });
    client.send({ event, id: 1 });
    await gate.reached;
    expect(registryOf(app).disconnectPrincipal('ada')).toBe(count);
    gate.open();
    await expect(client.next()).rejects.toThrow();
    expect(await client.closed).toMatchObject({ code: 4410 });
    expect(secretsTold).toBe(0);
    await nothingIsLeft(app);
  });
});
