import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import {
  type CanActivate,
  type DynamicModule,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleInit,
  UseGuards,
} from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, HoldfastGateway, HoldfastModule } from '@holdfast/gateway';
import { rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { create, countersOf, Gate, granted, refused, refusalOf, serverOf, start } from './support/admission.js';
import { freePort } from './support/free-port.js';

@WebSocketGateway({ path: '/who' })
class WhoGateway {
  @SubscribeMessage('who')
  who(@ConnectedSocket() { id }: Connection): string {
    return id;
  }
}

function slowTo(hook: 'onModuleInit' | 'onApplicationBootstrap', gate: Gate): object {
  return { [hook]: () => gate.pass() };
}

describe('PROTOCOL.md 2.1 step 1: before the application has booted', () => {
  it.each(['onModuleInit', 'onApplicationBootstrap'] as const)(
    'a client of a server that listens early is told to wait while %s of somebody runs',
    async (hook) => {
      const gate = new Gate();
      const app = await create({
        gateways: [WhoGateway],
        providers: [{ provide: 'SLOW', useValue: slowTo(hook, gate) }],
      });
      const server = serverOf({ app });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/who`;
      const booting = app.init();
      await gate.reached;

      const answer = await refused(url);
      expect(answer).toMatchObject({ status: 503, code: 'NOT_READY', retryAfterMs: 2_000 });
      expect(answer.headers['retry-after']).toBe('2');
      const byWs = await refusalOf(TestClient.connect(url));
      expect(byWs).toMatchObject({ status: 503, body: { error: { code: 'NOT_READY' } } });

      gate.open();
      await booting;
      await using client = await TestClient.connect(url);
      expect(await client.request('who')).toMatchObject({ event: '$reply' });
      client.terminate();
      await app.close();
    },
  );

  it('a gateway on a port of its own is told so as well', async () => {
    const port = await freePort();
    const gate = new Gate();

    @WebSocketGateway(port, { path: '/own' })
    class OwnGateway extends WhoGateway {}

    const app = await create({
      gateways: [OwnGateway],
      providers: [{ provide: 'SLOW', useValue: slowTo('onApplicationBootstrap', gate) }],
    });
    const booting = app.init();
    await gate.reached;
    const url = `ws://127.0.0.1:${port}/own`;
    expect(await refused(url)).toMatchObject({ status: 503, code: 'NOT_READY' });
    gate.open();
    await booting;
    const { socket } = await granted(url);
    socket.destroy();
    await app.close();
  });

  it('the hook of the root module is waited for, too', async () => {
    const gate = new Gate();

    @Module({})
    class RootModule implements OnApplicationBootstrap {
      static with(): DynamicModule {
        return { module: RootModule, imports: [HoldfastModule.forRoot({})], providers: [WhoGateway] };
      }

      onApplicationBootstrap(): Promise<void> {
        return gate.pass();
      }
    }

    // Not by the testing module, which would be the root itself.
    const app = await NestFactory.create(RootModule.with(), { logger: false });
    const server = serverOf({ app });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const booting = app.init();
    await gate.reached;
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/who`;
    expect(await refused(url)).toMatchObject({ status: 503, code: 'NOT_READY' });
    gate.open();
    await booting;
    (await granted(url)).socket.destroy();
    await app.close();
  });

  it('a module that is loaded lazily while the application boots does not keep it from being ready', async () => {
    @Module({})
    class LateModule {}

    @Injectable()
    class Loader implements OnModuleInit {
      constructor(private readonly loader: LazyModuleLoader) {}

      async onModuleInit(): Promise<void> {
        await this.loader.load(() => LateModule);
      }
    }

    await using app = await start({ gateways: [WhoGateway], providers: [Loader] });
    (await granted(app.url('/who'))).socket.destroy();
  });

  it('is said of every path, because nothing else is known yet', async () => {
    const gate = new Gate();
    const app = await create({
      gateways: [WhoGateway],
      providers: [{ provide: 'SLOW', useValue: slowTo('onModuleInit', gate) }],
    });
    const server = serverOf({ app });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const booting = app.init();
    await gate.reached;
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/nowhere`;
    expect(await refused(url)).toMatchObject({ status: 503, code: 'NOT_READY' });
    gate.open();
    await booting;
    expect(await refused(url)).toMatchObject({ status: 404, code: 'PATH_NOT_FOUND' });
    await app.close();
  });
});

describe('PROTOCOL.md 2.1 step 1: while the application goes away', () => {
  it('newcomers are sent elsewhere, and who is connected is let go in order', async () => {
    const gate = new Gate();

    @WebSocketGateway({ path: '/chat' })
    class ChatGateway extends HoldfastGateway {
      override onDrain(): Promise<void> {
        return gate.pass();
      }
    }

    const app = await start({ gateways: [ChatGateway] });
    await using client = await TestClient.connect(app.url('/chat'));
    const closing = app.close();
    await gate.reached;
    expect(await refused(app.url('/chat'))).toMatchObject({ status: 503, code: 'DRAINING', retryAfterMs: 2_000 });
    expect(countersOf(app).get('refused', 'DRAINING')).toBe(1);
    gate.open();
    expect(await client.closed).toMatchObject({ code: 1012 });
    await closing;
  });

  it('a handshake whose guard never decides is answered, and does not keep the process from ending', async () => {
    const gate = new Gate();

    class Undecided implements CanActivate {
      async canActivate(): Promise<boolean> {
        await gate.pass();
        return true;
      }
    }

    @UseGuards(Undecided)
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway {}

    const app = await start({ gateways: [SlowGateway], options: { admission: { handshakeTimeoutMs: 60_000 } } });
    const pending = rawUpgrade(app.url('/slow'), { timeoutMs: 20_000 });
    await gate.reached;
    await app.close();
    expect(await pending).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  });

  it('a guard that lets a client in when it is too late does not connect it', async () => {
    const gate = new Gate();
    const drain = new Gate();
    const decided = new Gate();
    const connected: string[] = [];

    class Slow implements CanActivate {
      async canActivate(): Promise<boolean> {
        await gate.pass();
        void decided.pass();
        return true;
      }
    }

    @UseGuards(Slow)
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway extends HoldfastGateway {
      override onConnect({ id }: Connection): void {
        connected.push(id);
      }
      override onDrain(): Promise<void> {
        return drain.pass();
      }
    }

    const app = await start({ gateways: [SlowGateway] });
    const pending = rawUpgrade(app.url('/slow'));
    await gate.reached;
    const closing = app.close();
    await drain.reached;
    gate.open();
    await decided.reached;
    drain.open();
    expect(await pending).toMatchObject({ status: 503 });
    await closing;
    expect(connected).toEqual([]);
  });

  it('a peer that has connected and said nothing does not keep the application from closing', async () => {
    const app = await start({ gateways: [WhoGateway] });
    const silent = connect(app.port, '127.0.0.1').on('error', () => undefined);
    await once(serverOf(app), 'connection');
    const ended = once(silent.resume(), 'close');
    await app.close();
    await ended;
    expect(silent.destroyed).toBe(true);
  });
});
