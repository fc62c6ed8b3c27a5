import { type CanActivate, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, HoldfastModule, Public } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.js';
import { expectNoCrash, gate, serve } from './support/dispatch.js';
import { ScriptProcess } from './support/script-process.js';

expectNoCrash();

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/orders' })
class OrdersGateway {
  @SubscribeMessage('say')
  say(): void {}
}

@WebSocketGateway({ path: '/news', format: 'nest' })
class NewsGateway {}

@Public()
@WebSocketGateway({ path: '/open' })
class OpenGateway {}

@WebSocketGateway({ path: '/partly' })
class PartlyGateway {
  @UseGuards(AuthGuard)
  @SubscribeMessage('say')
  say(): void {}
}

const options = { auth: { secret: 'a secret of at least 32 characters, as HS256 wants it' } };

describe('the log', () => {
  it('names each gateway at boot, and warns of one that nobody guards', async () => {
    const gateways = [OrdersGateway, NewsGateway, OpenGateway, PartlyGateway];
    await using served = await serve(gateways, { options });
    expect(served.log.of('log').join('\n')).toMatch(
      /OrdersGateway serves \/orders \(format: holdfast; guards: AuthGuard\)[^]*NewsGateway serves \/news \(format: nest; no guards\)/,
    );
    const warnings = served.log.of('warn').filter((line) => line.includes('has no guard'));
    expect(warnings.map((line) => line.split(' ', 1)[0])).toEqual(['NewsGateway']);
  });

  it('does not warn of gateways without guards where nothing can verify tokens', async () => {
    await using served = await serve([NewsGateway]);
    expect(served.log.of('warn')).toEqual([]);
  });

  it.each<[string, string, object, RegExp]>([
    [
      'an origin that is not allowed',
      '/orders',
      { headers: { origin: 'http://localhost:5199' } },
      /Rejected \/orders from origin http:\/\/localhost:5199: ORIGIN_FORBIDDEN \(allowed: same-origin\)/,
    ],
    ['a path without a gateway', '/order?token=secret', {}, /Rejected \/order: PATH_NOT_FOUND \(/],
    ['a missing token', '/orders', {}, /Rejected \/orders: UNAUTHORIZED \(/],
    ['a subprotocol', '/orders', { protocols: ['graphql-ws'] }, /Rejected \/orders: SUBPROTOCOL_UNSUPPORTED \(/],
  ])('says why a handshake was refused: %s', async (_what, path, request, line) => {
    await using served = await serve([OrdersGateway], { options });
    await expect(TestClient.connect(served.url(path), request)).rejects.toThrow();
    const warnings = served.log.of('warn').join('\n');
    expect(warnings).toMatch(line);
    expect(warnings).not.toContain('secret');
  });

  it('is not flooded by refusals', async () => {
    await using served = await serve([OrdersGateway], { options });
    for (let attempt = 0; attempt < 15; attempt++)
      await expect(TestClient.connect(served.url('/nowhere'))).rejects.toThrow();
    expect(served.log.of('warn').filter((line) => line.includes('PATH_NOT_FOUND'))).toHaveLength(10);
  });

  it('has connects and disconnects at debug level', async () => {
    await using served = await serve([OpenGateway]);
    const client = await TestClient.connect(served.url('/open'));
    await client.close(4000);
    await expect
      .poll(() => served.log.of('debug').join('\n'))
      .toMatch(
        /Connected \S+ from 127\.0\.0\.1 to \/open \(plain\)[^]*Disconnected \S+ from \/open: 4000 APPLICATION by client/,
      );
  });
});

@WebSocketGateway({ path: '/waiting' })
class WaitingGateway {
  readonly released = gate();

  @SubscribeMessage('wait')
  async wait(): Promise<void> {
    await this.released.promise;
  }

  @SubscribeMessage('release')
  release(): void {
    this.released.open();
  }
}

describe('what cannot work is said in words:', () => {
  it('a handler that waits for another message of its client', async () => {
    await using served = await serve([WaitingGateway], { options: { messages: { handlerTimeoutMs: 300 } } });
    await using client = await TestClient.connect(served.url('/waiting'));
    client.send({ event: 'wait', id: 1 });
    client.send({ event: 'release', id: 2 });
    expect(await client.next('$error')).toMatchObject({ id: 1, data: { code: 'HANDLER_TIMEOUT' } });
    expect(served.log.of('warn').join('\n')).toMatch(/WaitingGateway\.wait did not finish in time.*@Concurrent\(2\)/);
  });

  it('a gateway that two modules provide', async () => {
    @Module({ providers: [OpenGateway] })
    class FirstModule {}
    @Module({ providers: [OpenGateway] })
    class SecondModule {}
    await expect(serve([], { imports: [FirstModule, SecondModule] })).rejects.toThrow(
      /OpenGateway is provided twice, by different modules/,
    );
  });

  it('a gateway on the port of a microservice, which has none', async () => {
    @Module({ imports: [HoldfastModule.forRoot()], providers: [OpenGateway] })
    class ServiceModule {}
    const options = { transport: Transport.TCP, options: { port: 0 }, logger: false, abortOnError: false } as const;
    const service = await NestFactory.createMicroservice(ServiceModule, options);
    await expect(service.init()).rejects.toThrow(
      /OpenGateway: the application has no HTTP server.*connectMicroservice\(\)/,
    );
  });

  it('a transient global guard, which Nest does not run', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class PassingGuard implements CanActivate {
      canActivate(): boolean {
        return true;
      }
    }
    await expect(
      serve([OpenGateway, { provide: APP_GUARD, useClass: PassingGuard, scope: Scope.TRANSIENT }]),
    ).rejects.toThrow(/global guard PassingGuard is transient/);
  });
});

it('shutdown hooks that are not enabled are warned about', async () => {
  await using server = ScriptProcess.run(await bundle('hookless-server.ts'));
  expect(await server.line('warning: Shutdown hooks are not enabled')).toContain('app.enableShutdownHooks()');
});

describe('an adapter that is left over in main.ts', () => {
  const refusing = (adapter: WsAdapter): Promise<unknown> =>
    serve([OpenGateway], {
      configure: (app) => {
        app.useWebSocketAdapter(adapter);
      },
    });

  it('is named, with the line to delete', async () => {
    await expect(refusing(new WsAdapter())).rejects.toThrow(
      /WsAdapter replaced it: delete app\.useWebSocketAdapter\(new WsAdapter\(\.\.\.\)\) in main\.ts$/,
    );
  });

  it('is named with its message parser', async () => {
    const adapter = new WsAdapter(undefined, { messageParser: function readLines() {} });
    await expect(refusing(adapter)).rejects.toThrow(
      /give "readLines" to app\.get\(HoldfastAdapter\)\.setMessageParser/,
    );
  });
});
