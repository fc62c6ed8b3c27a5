import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AuthenticationError,
  Authenticator,
  AuthenticatorUnavailableError,
  AuthGuard,
  type Connection,
  HoldfastModule,
  Principal,
} from '@holdfast/gateway';
import type { HoldfastTestApp } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';
import { NodeClient } from './support/client-node.js';

/** Tokens are names; those that begin with "bad" or "old" are refused. */
@Injectable()
class NameAuthenticator extends Authenticator {
  /** Every token that came, in order. */
  readonly seen: string[] = [];
  isAway = false;

  override authenticate(token: string): Principal {
    this.seen.push(token);
    if (this.isAway) throw new AuthenticatorUnavailableError('the user store is away');
    if (token.startsWith('bad')) throw new AuthenticationError('UNAUTHORIZED', 'nobody has this name');
    if (token.startsWith('old')) throw new AuthenticationError('TOKEN_EXPIRED', 'it was good once');
    return { subject: token, expiresAt: Infinity, claims: {} };
  }
}

@Injectable()
class NotEve implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToWs().getClient<Connection>().principal?.subject === 'eve') throw new ForbiddenException();
    return true;
  }
}

@UseGuards(AuthGuard, NotEve)
@WebSocketGateway({ path: '/safe' })
class SafeGateway {
  @SubscribeMessage('who')
  who(@Principal('subject') subject: string): string {
    return subject;
  }
}

class Door implements AsyncDisposable {
  private constructor(
    private readonly app: HoldfastTestApp,
    readonly names: NameAuthenticator,
  ) {}

  static async open(maxConnectionsPerPrincipal = 10): Promise<Door> {
    const options = { heartbeat: { intervalMs: 0 }, admission: { maxConnectionsPerPrincipal } };
    const holdfast = HoldfastModule.forRoot({ ...options, authenticator: NameAuthenticator });
    const app = await boot({ holdfast, providers: [SafeGateway, NotEve] });
    // The provider behind the abstract class is the one that the module was given.
    return new Door(app, app.app.get<NameAuthenticator>(Authenticator));
  }

  get url(): string {
    return this.app.url('/safe');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app.close();
  }
}

/** Gives one token after the other, and the last one from then on. */
function provider(...tokens: string[]): () => string {
  let next = 0;
  return () => tokens[Math.min(next++, tokens.length - 1)] ?? '';
}

describe('PROTOCOL 6.1: a client that is refused at $hello', () => {
  it.each([
    { what: 'no token', token: undefined, code: 4401, error: 'UNAUTHORIZED' },
    { what: 'a bad token', token: 'bad', code: 4401, error: 'UNAUTHORIZED' },
    { what: 'an expired token', token: 'old', code: 4401, error: 'TOKEN_EXPIRED' },
    { what: 'the token of somebody who may not', token: 'eve', code: 4403, error: 'FORBIDDEN' },
    { what: 'a provider that has nobody else', token: () => 'eve', code: 4403, error: 'FORBIDDEN' },
  ])('for $what has failed, with the error of the server', async ({ token, code, error }) => {
    await using door = await Door.open();
    using node = NodeClient.connecting(door.url, { token });
    const waiting = node.client.request('who');
    const failed = await node.change('failed');
    expect(failed).toMatchObject({ from: 'connecting', cause: 'server', code, error: { code: error } });
    await expect(waiting).rejects.toMatchObject({ name: 'HoldfastError' });
    expect(node.client.state).toBe('failed');
    expect(door.names.seen.length).toBeLessThanOrEqual(1);
    // The change of state has told it.
    expect(node.errors).toEqual([]);
  });

  it('because too many connections are his has failed with 4429', async () => {
    await using door = await Door.open(1);
    using first = await NodeClient.open(door.url, { token: 'ada' });
    using second = NodeClient.connecting(door.url, { token: 'ada' });
    const error = { code: 'TOO_MANY_CONNECTIONS_PER_PRINCIPAL' };
    expect(await second.change('failed')).toMatchObject({ cause: 'server', code: 4429, error });
    expect(await first.client.request('who')).toBe('ada');
  });

  it('because nobody can decide comes back (1013), and is let in when somebody can', async () => {
    await using door = await Door.open();
    door.names.isAway = true;
    using node = NodeClient.connecting(door.url, { token: 'ada' });
    const waiting = node.client.request('who');
    const error = { code: 'UNAVAILABLE' };
    expect(await node.change('waiting')).toMatchObject({ cause: 'server', code: 1013, error });
    door.names.isAway = false;
    await node.change('open');
    expect(await waiting).toBe('ada');
  });
});

describe('PROTOCOL 13.1: 4401 with a token provider', () => {
  it('is one return, with the next token', async () => {
    await using door = await Door.open();
    using node = NodeClient.connecting(door.url, { token: provider('old', 'ada') });
    const waiting = node.client.request('who');
    const change = await node.change('waiting');
    expect(change).toMatchObject({ cause: 'server', code: 4401, error: { code: 'TOKEN_EXPIRED' } });
    await node.change('open');
    expect(await waiting).toBe('ada');
    expect(door.names.seen).toEqual(['old', 'ada']);
  });

  it('has failed when it gives the same token again, without asking the server', async () => {
    await using door = await Door.open();
    using node = NodeClient.connecting(door.url, { token: provider('bad') });
    await node.change('waiting');
    expect(await node.change('failed')).toMatchObject({ cause: 'server', code: 4401 });
    expect(door.names.seen).toEqual(['bad']);
  });

  it('has failed when the next token is refused too', async () => {
    await using door = await Door.open();
    using node = NodeClient.connecting(door.url, { token: provider('bad one', 'bad two', 'ada') });
    await node.change('waiting');
    expect(await node.change('failed')).toMatchObject({ code: 4401, error: { code: 'UNAUTHORIZED' } });
    expect(door.names.seen).toEqual(['bad one', 'bad two']);
    // Somebody has signed in again.
    node.client.connect();
    expect(await node.client.request('who')).toBe('ada');
  });

  it('that fails is asked again', async () => {
    await using door = await Door.open();
    let calls = 0;
    const token = (): Promise<string> =>
      ++calls < 3 ? Promise.reject(new Error('the identity provider is away')) : Promise.resolve('ada');
    using node = NodeClient.connecting(door.url, { token });
    const cause = { message: 'the identity provider is away' };
    const error = { code: 'TOKEN_PROVIDER_FAILED', cause };
    expect(await node.change('waiting')).toMatchObject({ from: 'connecting', cause: 'token', error });
    await node.change('open');
    expect(calls).toBe(3);
    expect(await node.client.request('who')).toBe('ada');
  });
});
