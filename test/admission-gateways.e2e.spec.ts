import type { Type } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { type Connection, type Endpoint, HoldfastGateway } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { create, registryOf, start } from './support/admission.js';

describe('several gateways on one path', () => {
  it('share each connection: one handshake, one connection, hooks and events of all of them', async () => {
    const seen: string[] = [];

    @WebSocketGateway({ path: '/shared' })
    class ChatGateway extends HoldfastGateway {
      @WebSocketServer()
      readonly endpoint: Endpoint;

      override onConnect({ id }: Connection): void {
        seen.push(`chat ${id}`);
      }

      @SubscribeMessage('chat')
      chat(@ConnectedSocket() { id }: Connection): string {
        return id;
      }
    }

    // Written differently, and the same place.
    @WebSocketGateway({ path: 'shared/' })
    class NewsGateway extends HoldfastGateway {
      @WebSocketServer()
      readonly endpoint: Endpoint;

      override onConnect({ id }: Connection): void {
        seen.push(`news ${id}`);
      }

      @SubscribeMessage('news')
      news(@ConnectedSocket() { id }: Connection): string {
        return id;
      }
    }

    await using app = await start({ gateways: [ChatGateway, NewsGateway] });
    await using client = await TestClient.connect(app.url('/shared'));
    const { data: id } = await client.request('chat');
    expect(await client.request('news')).toMatchObject({ data: id });
    expect(seen.sort()).toEqual([`chat ${String(id)}`, `news ${String(id)}`]);
    expect(registryOf(app).size).toBe(1);
    expect(registryOf(app).ofGateway(ChatGateway)).toEqual(registryOf(app).ofGateway(NewsGateway));
    const chat = app.app.get(ChatGateway);
    expect(chat.endpoint).toBe(app.app.get(NewsGateway).endpoint);
    expect(chat.endpoint.emit('hello')).toBe(1);
    expect(await client.next('hello')).toEqual({ event: 'hello' });
    expect(client.waiting).toEqual([]);
  });

  it('may all leave the limit to one of them', async () => {
    @WebSocketGateway({ path: '/shared', maxPayload: 200 })
    class SmallGateway {}

    @WebSocketGateway({ path: '/shared', maxPayload: 200 })
    class SameGateway {}

    await using app = await start({ gateways: [SmallGateway, SameGateway] });
    await using client = await TestClient.connect(app.url('/shared'));
    client.sendRaw('x'.repeat(201));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });
});

/** The message of the boot that has to fail. */
async function problemsOf(...gateways: Type[]): Promise<string> {
  const app = await create({ gateways });
  try {
    await app.init();
  } catch (error) {
    expect(error).toMatchObject({ name: 'HoldfastError', code: 'INVALID_GATEWAY' });
    return (error as Error).message;
  } finally {
    await app.close();
  }
  throw new Error('the boot was to fail');
}

describe('what cannot work together stops the boot, by name', () => {
  it('two handlers of one event on one path', async () => {
    @WebSocketGateway({ path: '/a' })
    class OneGateway {
      @SubscribeMessage('move')
      go(): void {}
    }

    @WebSocketGateway({ path: '/a/' })
    class TwoGateway {
      @SubscribeMessage('move')
      run(): void {}
    }
    const message = await problemsOf(OneGateway, TwoGateway);
    expect(message).toContain('OneGateway.go and TwoGateway.run both subscribe to "move"');
  });

  it('two handlers of one event in one gateway', async () => {
    @WebSocketGateway({ path: '/a' })
    class TwiceGateway {
      @SubscribeMessage('move')
      go(): void {}
      @SubscribeMessage('move')
      run(): void {}
    }
    expect(await problemsOf(TwiceGateway)).toContain('TwiceGateway.go and TwiceGateway.run both subscribe to "move"');
  });

  it('one event on two paths is no conflict', async () => {
    @WebSocketGateway({ path: '/a' })
    class OneGateway {
      @SubscribeMessage('move')
      go(): string {
        return 'one';
      }
    }

    @WebSocketGateway({ path: '/b' })
    class TwoGateway {
      @SubscribeMessage('move')
      go(): string {
        return 'two';
      }
    }
    await using app = await start({ gateways: [OneGateway, TwoGateway] });
    await using one = await TestClient.connect(app.url('/a'));
    await using two = await TestClient.connect(app.url('/b'));
    expect([(await one.request('move')).data, (await two.request('move')).data]).toEqual(['one', 'two']);
  });

  it('different maxPayload on one path', async () => {
    @WebSocketGateway({ path: '/a', maxPayload: 1000 })
    class SmallGateway {}

    @WebSocketGateway({ path: '/a', maxPayload: 2000 })
    class LargeGateway {}

    @WebSocketGateway({ path: '/a' })
    class AnyGateway {}

    const message = await problemsOf(SmallGateway, LargeGateway);
    expect(message).toMatch(/SmallGateway.*1000/);
    expect(message).toMatch(/LargeGateway.*2000/);
    expect(await problemsOf(SmallGateway, AnyGateway)).toMatch(/AnyGateway.*the default/);
  });

  it('routes that match the same paths', async () => {
    @WebSocketGateway({ path: '/a/:x' })
    class OneGateway {}

    @WebSocketGateway({ path: '/a/:y' })
    class TwoGateway {}

    const message = await problemsOf(OneGateway, TwoGateway);
    expect(message).toContain('"/a/:x"');
    expect(message).toContain('"/a/:y"');
    expect(message).toContain('OneGateway');
    expect(message).toContain('TwoGateway');
  });

  it.each(['/a//b', '/a/:', '/a/:x/:x', '/a b', '/a/*', '/a?b', '/ä', '/..'])('the route %s', async (path) => {
    @WebSocketGateway({ path })
    class OddGateway {}
    const message = await problemsOf(OddGateway);
    expect(message).toContain('OddGateway');
    expect(message).toContain(path);
  });

  it('an event that belongs to the protocol, or is none', async () => {
    @WebSocketGateway({ path: '/a' })
    class OddGateway {
      @SubscribeMessage('$ping')
      ping(): void {}
      @SubscribeMessage('')
      empty(): void {}
      @SubscribeMessage({ cmd: 'x' })
      pattern(): void {}
    }
    const message = await problemsOf(OddGateway);
    expect(message).toContain('OddGateway.ping subscribes to "$ping"');
    expect(message).toContain('OddGateway.empty');
    expect(message).toContain('OddGateway.pattern');
  });

  it('options of other adapters, each with what to do instead, all in one message', async () => {
    @WebSocketGateway({ namespace: 'chat', verifyClient: () => true })
    class SocketIoGateway {}

    @WebSocketGateway({ path: '/b', handleProtocols: () => 'a' })
    class PingGateway {}
    const message = await problemsOf(SocketIoGateway, PingGateway);
    expect(message).toContain(
      'SocketIoGateway sets "namespace": namespaces belong to socket.io; give the gateway a path',
    );
    expect(message).toContain('SocketIoGateway sets "verifyClient"');
    expect(message).toContain('admission.origins');
    expect(message).toContain('PingGateway sets "handleProtocols": list the names in subprotocols');
  });

  it.each([0, 127, 1.5, Number.NaN, 2 ** 31])('maxPayload %d', async (maxPayload) => {
    @WebSocketGateway({ path: '/a', maxPayload })
    class OddGateway {}
    expect(await problemsOf(OddGateway)).toContain('OddGateway sets maxPayload');
  });
});
