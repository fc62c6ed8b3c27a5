import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Scope,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { Connection, ConnectionRegistry, Endpoint, HoldfastException } from '@holdfast/gateway';
import { HandshakeRefused, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Calls, errorData, expectNoCrash, Fenced, gate, serve, untilQuiet, untilRead } from './support/dispatch.js';

expectNoCrash();

async function refusalOf(url: string): Promise<HandshakeRefused> {
  const outcome: unknown = await TestClient.connect(url).catch((error: unknown) => error);
  if (outcome instanceof HandshakeRefused) return outcome;
  throw new Error('the handshake was not refused');
}

describe('a request-scoped gateway', () => {
  it('has one instance per connection, for the handshake, its hooks and all its messages', async () => {
    const seen: [step: string, instance: object, request: unknown][] = [];
    const gone = gate();
    @Injectable({ scope: Scope.REQUEST })
    class Tenant {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }
    @Injectable({ scope: Scope.REQUEST })
    class TenantGuard implements CanActivate {
      constructor(private readonly tenant: Tenant) {}

      canActivate(context: ExecutionContext): boolean {
        const connection = context.switchToWs().getClient<unknown>();
        seen.push([`guard ${context.switchToWs().getPattern()}`, this.tenant, connection]);
        return true;
      }
    }
    @UseGuards(TenantGuard)
    @WebSocketGateway({ path: '/scoped' })
    class ScopedGateway {
      @WebSocketServer()
      readonly server: Endpoint;
      notes = 0;

      constructor(
        private readonly tenant: Tenant,
        @Inject(REQUEST) private readonly request: unknown,
      ) {}

      onHandshake(): void {
        seen.push(['onHandshake', this, this.request]);
      }

      handleConnection(connection: Connection): void {
        expect(this.tenant.request).toBe(connection);
        expect(this.server).toBeInstanceOf(Endpoint);
        seen.push(['handleConnection', this, this.request]);
      }

      handleDisconnect(): void {
        seen.push(['handleDisconnect', this, this.request]);
        gone.open();
      }

      @SubscribeMessage('note')
      note(): number {
        seen.push(['note', this, this.request]);
        return ++this.notes;
      }
    }
    await using served = await serve([ScopedGateway, Tenant, TenantGuard]);
    await using first = await TestClient.connect(served.url('/scoped'));
    const [connection] = served.get(ConnectionRegistry);
    expect((await first.request('note')).data).toBe(1);
    expect((await first.request('note')).data).toBe(2);
    await first.close();
    await gone.promise;

    expect(seen.map(([step]) => step)).toEqual([
      'guard $connect',
      'onHandshake',
      'handleConnection',
      'guard note',
      'note',
      'guard note',
      'note',
      'handleDisconnect',
    ]);
    expect(new Set(seen.map(([, , request]) => request))).toEqual(new Set([connection]));
    expect(connection).toBeInstanceOf(Connection);
    const gateways = seen.filter(([step]) => !step.startsWith('guard'));
    expect(new Set(gateways.map(([, instance]) => instance)).size).toBe(1);
    const tenants = seen.filter(([step]) => step.startsWith('guard'));
    expect(new Set(tenants.map(([, instance]) => instance)).size).toBe(1);

    await using second = await TestClient.connect(served.url('/scoped'));
    expect((await second.request('note')).data).toBe(1);
  });

  it('has one instance per connection in SDK mode, too', async () => {
    @WebSocketGateway({ path: '/scoped' })
    class ScopedGateway {
      notes = 0;

      constructor(@Inject(REQUEST) private readonly request: Connection) {}

      onHandshake(): void {
        this.notes += 10;
      }

      @SubscribeMessage('note')
      note(): unknown {
        return [++this.notes, this.request.id];
      }
    }
    await using served = await serve([ScopedGateway]);
    await using client = await TestClient.connectSdk(served.url('/scoped'));
    const { connectionId } = client.welcome!.data as { connectionId: string };
    expect((await client.request('note')).data).toEqual([11, connectionId]);
    expect((await client.request('note')).data).toEqual([12, connectionId]);
  });

  it('keeps messages waiting for its async handleConnection, and answers them in order', async () => {
    const hook = gate();
    const steps: unknown[] = [];
    @WebSocketGateway({ path: '/scoped' })
    class ScopedGateway extends Fenced {
      constructor(@Inject(REQUEST) readonly request: unknown) {
        super();
      }

      async handleConnection(): Promise<void> {
        await hook.promise;
        steps.push('connected');
      }

      @SubscribeMessage('note')
      note(@MessageBody() data: unknown): unknown {
        steps.push(data);
        return data;
      }
    }
    await using served = await serve([ScopedGateway]);
    await using client = await TestClient.connect(served.url('/scoped'));
    for (const id of [1, 2, 3]) client.send({ event: 'note', id, data: id });
    expect(await untilRead(client)).toEqual([]);
    hook.open();
    expect((await untilQuiet(client)).map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(steps).toEqual(['connected', 1, 2, 3]);
  });

  it.each([
    ['throws', 'a method'],
    ['rejects', 'a method'],
    ['throws', 'a property'],
    ['rejects', 'a property'],
  ])('whose handleConnection %s as %s closes the connection with CONNECT_FAILED (PROTOCOL 6.4)', async (how, kind) => {
    const fail = (): Promise<void> => {
      const error = new Error('secret of the hook');
      if (how === 'throws') throw error;
      return Promise.reject(error);
    };
    @WebSocketGateway({ path: '/scoped' })
    class MethodGateway {
      constructor(@Inject(REQUEST) readonly request: unknown) {}

      handleConnection(): Promise<void> {
        return fail();
      }
    }
    @WebSocketGateway({ path: '/scoped' })
    class PropertyGateway {
      constructor(@Inject(REQUEST) readonly request: unknown) {}

      handleConnection = fail;
    }
    await using served = await serve([kind === 'a method' ? MethodGateway : PropertyGateway]);
    await using client = await TestClient.connect(served.url('/scoped'));
    expect(await client.next()).toEqual({ event: '$error', data: errorData('INTERNAL') });
    expect(await client.closed).toEqual({ code: 4500, reason: 'Internal server error' });
    expect(served.log.of('error').filter((line) => line.includes('secret of the hook'))).toHaveLength(1);
  });

  it.each(['a method', 'a property'])('whose handleDisconnect rejects as %s ends nothing else', async (kind) => {
    const calls = new Calls<string>();
    const fail = async (): Promise<void> => {
      calls.add('disconnected');
      await Promise.resolve();
      throw new Error('secret of the goodbye');
    };
    @WebSocketGateway({ path: '/scoped' })
    class MethodGateway extends Fenced {
      constructor(@Inject(REQUEST) readonly request: unknown) {
        super();
      }

      handleDisconnect(): Promise<void> {
        return fail();
      }
    }
    @WebSocketGateway({ path: '/scoped' })
    class PropertyGateway extends Fenced {
      constructor(@Inject(REQUEST) readonly request: unknown) {
        super();
      }

      handleDisconnect = fail;
    }
    await using served = await serve([kind === 'a method' ? MethodGateway : PropertyGateway]);
    await using leaving = await TestClient.connect(served.url('/scoped'));
    await using staying = await TestClient.connect(served.url('/scoped'));
    await leaving.close();
    await calls.called(1);
    expect(await untilQuiet(staying)).toEqual([]);
    expect(served.log.of('error').filter((line) => line.includes('secret of the goodbye'))).toHaveLength(1);
  });

  it('whose handler fails is answered once', async () => {
    @WebSocketGateway({ path: '/scoped' })
    class ScopedGateway extends Fenced {
      constructor(@Inject(REQUEST) readonly request: unknown) {
        super();
      }

      @SubscribeMessage('fail')
      async fail(): Promise<never> {
        throw new HoldfastException('CONFLICT', 'changed');
      }
    }
    await using served = await serve([ScopedGateway]);
    await using client = await TestClient.connect(served.url('/scoped'));
    client.send({ event: 'fail', id: 1 });
    expect(await untilQuiet(client)).toEqual([{ event: '$error', id: 1, data: errorData('CONFLICT') }]);
  });

  it('that cannot be made refuses the handshake, and says nothing of why', async () => {
    @WebSocketGateway({ path: '/scoped' })
    class BrokenGateway {
      constructor(@Inject(REQUEST) readonly request: unknown) {
        throw new Error('secret of the constructor');
      }
    }
    await using served = await serve([BrokenGateway]);
    const refusal = await refusalOf(served.url('/scoped'));
    expect(refusal).toMatchObject({ status: 500, body: { error: { code: 'INTERNAL' } } });
    expect(JSON.stringify(refusal.body)).not.toContain('secret');
    const sdk = await TestClient.connect(served.url('/scoped'), { protocols: ['holdfast.v1.json'] });
    sdk.send({ event: '$hello' });
    expect(await sdk.next()).toEqual({ event: '$error', data: errorData('INTERNAL') });
    expect((await sdk.closed).code).toBe(4500);
    expect(served.log.of('error').filter((line) => line.includes('secret of the constructor')).length).toBe(2);
  });

  it('that refuses in its constructor is answered as it says', async () => {
    @WebSocketGateway({ path: '/scoped' })
    class ChoosyGateway {
      constructor(@Inject(REQUEST) { handshake }: Connection) {
        if (handshake.query.get('friend') !== 'yes') throw new UnauthorizedException('who are you?');
      }
    }
    await using served = await serve([ChoosyGateway]);
    expect(await refusalOf(served.url('/scoped'))).toMatchObject({ status: 401 });
    await using friend = await TestClient.connect(served.url('/scoped?friend=yes'));
    expect(await untilRead(friend)).toEqual([]);
  });

  it('shares a path with a singleton, and each has its own life', async () => {
    const steps: string[] = [];
    const gone = new Calls<string>();
    @WebSocketGateway({ path: '/shared' })
    class SingletonGateway extends Fenced {
      handleConnection(): void {
        steps.push('singleton');
      }

      handleDisconnect(): void {
        gone.add('singleton');
      }
    }
    @WebSocketGateway({ path: '/shared' })
    class ScopedGateway {
      constructor(@Inject(REQUEST) readonly request: unknown) {}

      async handleConnection(): Promise<void> {
        await Promise.resolve();
        steps.push('scoped');
      }

      handleDisconnect(): void {
        gone.add('scoped');
      }

      @SubscribeMessage('who')
      who(): boolean {
        return this.request instanceof Connection;
      }
    }
    await using served = await serve([SingletonGateway, ScopedGateway]);
    await using client = await TestClient.connect(served.url('/shared'));
    expect((await client.request('who')).data).toBe(true);
    expect(steps).toEqual(['singleton', 'scoped']);
    await client.close();
    await gone.called(2);
    expect(new Set(gone.seen)).toEqual(new Set(['singleton', 'scoped']));
  });
});

it('a singleton gateway with a request-scoped guard is treated as request-scoped, and guarded', async () => {
  const guards = new Set<object>();
  @Injectable({ scope: Scope.REQUEST })
  class ScopedGuard implements CanActivate {
    constructor(@Inject(REQUEST) private readonly request: Connection) {}

    canActivate(context: ExecutionContext): boolean {
      guards.add(this);
      expect(this.request).toBe(context.switchToWs().getClient());
      return context.switchToWs().getPattern() !== 'forbidden';
    }
  }
  @UseGuards(ScopedGuard)
  @WebSocketGateway({ path: '/guarded' })
  class GuardedGateway extends Fenced {
    @SubscribeMessage('forbidden')
    forbidden(): string {
      return 'not for you';
    }
  }
  await using served = await serve([GuardedGateway]);
  await using client = await TestClient.connect(served.url('/guarded'));
  client.send({ event: 'forbidden', id: 1 });
  expect(await untilQuiet(client)).toEqual([{ event: '$error', id: 1, data: errorData('FORBIDDEN') }]);
  expect(guards.size).toBe(1);
});
