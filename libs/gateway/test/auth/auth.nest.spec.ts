import { Controller, Get, Module, UseGuards, type INestApplication } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AuthGuard } from '../../src/auth/auth.guard.js';
import { resolveAuthOptions } from '../../src/auth/auth-options.js';
import { HOLDFAST_AUTH_OPTIONS } from '../../src/auth/auth.tokens.js';
import type { AuthenticatedPeer } from '../../src/auth/authenticated-peer.js';
import { Authenticator } from '../../src/auth/authenticator.js';
import { Handshake } from '../../src/auth/handshake.decorator.js';
import { JwtAuthenticator } from '../../src/auth/jwt-authenticator.js';
import { Principal } from '../../src/auth/principal.decorator.js';
import { Public } from '../../src/auth/public.decorator.js';
import { Verifications } from '../../src/connection/verifications.js';
import { HOLDFAST_CLOCK } from '../../src/ground/tokens.js';
import { ManualClock } from '../support/manual-clock.js';
import { handshakeWith } from './support/handshake.js';
import { SECRET, sign } from './support/tokens.js';

const clock = new ManualClock();
const options = resolveAuthOptions({ secret: SECRET });

@UseGuards(AuthGuard)
class Gateway {
  all(@Principal() who: Principal, @Handshake() handshake: Handshake): unknown[] {
    return [who.subject, handshake.path];
  }

  @Public()
  one(@Principal('subject') subject: string | undefined, @Handshake('ip') ip: string): unknown[] {
    return [subject, ip];
  }
}

@UseGuards(AuthGuard)
@Controller()
class MeController {
  @Get('me')
  me(@Principal('subject') subject: string): string {
    return subject;
  }

  @Public()
  @Get('open')
  open(@Principal() who: Principal | undefined): string {
    return who?.subject ?? 'nobody';
  }

  @Public()
  @Get('misplaced')
  misplaced(@Handshake() handshake: Handshake): string {
    return handshake.path;
  }
}

@Module({
  controllers: [MeController],
  providers: [
    Gateway,
    Verifications,
    { provide: HOLDFAST_CLOCK, useValue: clock },
    { provide: HOLDFAST_AUTH_OPTIONS, useValue: options },
    { provide: Authenticator, useFactory: () => new JwtAuthenticator(options, clock) },
  ],
})
class AppModule {}

let app: INestApplication | undefined;

async function boot(): Promise<INestApplication> {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication();
  app.useLogger(false);
  await app.listen(0, '127.0.0.1');
  return app;
}

afterEach(async () => {
  await app?.close();
  app = undefined;
});

/** Calls a handler as Nest does for a message: guards first, parameters from decorators. */
async function call(method: keyof Gateway, peer: AuthenticatedPeer): Promise<unknown> {
  const nest = await boot();
  const gateway = nest.get(Gateway);
  const handler = nest.get(ExternalContextCreator).create(
    gateway,
    // Nest hands the handler whatever the decorators produced.
    gateway[method] as (...args: unknown[]) => unknown,
    method,
    '__routeArguments__',
    { exchangeKeyForValue: () => undefined },
    undefined,
    undefined,
    { guards: true, interceptors: false, filters: false },
    'ws',
  );
  return handler(peer, {}, '$connect');
}

const stranger = { handshake: handshakeWith(), principal: undefined, credentials: undefined, close: () => {} };

describe('authentication inside Nest', () => {
  it('gives a gateway handler the principal and the handshake', async () => {
    const peer = { ...stranger, credentials: await sign({ sub: 'ada' }) };
    await expect(call('all', peer)).resolves.toEqual(['ada', '/chat']);
  });

  it('gives a gateway handler one fact of each, and no principal for a stranger', async () => {
    await expect(call('one', { ...stranger })).resolves.toEqual([undefined, '192.0.2.1']);
  });

  it('refuses a stranger before the handler', async () => {
    await expect(call('all', { ...stranger })).rejects.toMatchObject({ response: { code: 'UNAUTHORIZED' } });
  });

  it('serves HTTP controllers by the same guard and decorators', async () => {
    const nest = await boot();
    // Listening on a TCP port, so the address is no pipe name.
    const { port } = (nest.getHttpServer() as Server).address() as AddressInfo;
    const get = async (path: string, authorization?: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/${path}`, { headers: authorization === undefined ? {} : { authorization } });
    const bearer = `Bearer ${await sign({ sub: 'ada' })}`;

    expect(await (await get('me', bearer)).text()).toBe('ada');
    expect(await (await get('open', bearer)).text()).toBe('ada');
    expect(await (await get('open')).text()).toBe('nobody');

    const refused = await get('me');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await refused.json()).toEqual({ code: 'UNAUTHORIZED', message: 'A token is required' });

    const misplaced = await get('misplaced');
    expect(misplaced.status).toBe(500);
  });
});
