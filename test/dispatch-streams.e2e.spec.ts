import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Concurrent, HoldfastException } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { defer, finalize, type Observable, Subject, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Calls, errorData, expectNoCrash, Fenced, serve, untilQuiet } from './support/dispatch.js';

expectNoCrash();

class Passing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(tap());
  }
}

/** Streams whose values are the test's to send, by name. */
class Sources {
  readonly asked = new Calls<string>();
  readonly ended = new Calls<string>();
  readonly #subjects = new Map<string, Subject<unknown>>();

  open(name: string): Observable<unknown> {
    // Told when it is subscribed to: what a subject sends before that is lost.
    return defer(() => {
      this.asked.add(name);
      return this.of(name);
    }).pipe(
      finalize(() => {
        this.ended.add(name);
      }),
    );
  }

  of(name: string): Subject<unknown> {
    const known = this.#subjects.get(name) ?? new Subject();
    this.#subjects.set(name, known);
    return known;
  }
}

function streaming() {
  const sources = new Sources();
  @WebSocketGateway({ path: '/plain' })
  class PlainGateway extends Fenced {
    @SubscribeMessage('watch')
    watch(@MessageBody() name: string): Observable<unknown> {
      return sources.open(name);
    }
  }

  @UseInterceptors(Passing)
  @WebSocketGateway({ path: '/intercepted' })
  class InterceptedGateway extends Fenced {
    // Concurrent, because what an interceptor lets through is only known to be a stream by its first value.
    @Concurrent(10)
    @SubscribeMessage('watch')
    watch(@MessageBody() name: string): unknown {
      return sources.open(name);
    }
  }
  return { sources, gateways: [PlainGateway, InterceptedGateway] };
}

describe.each(['/plain', '/intercepted'])('a stream on %s (PROTOCOL 4.2, 11.1)', (path) => {
  it('lets other messages pass, and each keeps its own order', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways);
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'watch', id: 'a', data: 'a' });
    client.send({ event: 'watch', id: 'b', data: 'b' });
    await sources.asked.called(2);
    expect(await untilQuiet(client)).toEqual([]);
    sources.of('a').next(1);
    sources.of('b').next(2);
    sources.of('a').next(3);
    // A value waits one turn of the event loop for an end right behind it.
    await new Promise((resolve) => setImmediate(resolve));
    expect((await untilQuiet(client)).map(({ id, data }) => [id, data])).toEqual(
      path === '/plain'
        ? [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ]
        : expect.arrayContaining([
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ]),
    );
    sources.of('b').complete();
    sources.of('a').complete();
    expect(await untilQuiet(client)).toEqual([
      { event: '$end', id: 'b' },
      { event: '$end', id: 'a' },
    ]);
  });

  it('ends with its error, and nothing follows', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways);
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'watch', id: 'a', data: 'a' });
    await sources.asked.called(1);
    sources.of('a').next(1);
    expect(await client.next()).toEqual({ event: '$next', id: 'a', data: 1 });
    sources.of('a').error(new HoldfastException('CONFLICT', 'changed'));
    expect(await untilQuiet(client)).toEqual([
      { event: '$error', id: 'a', data: { code: 'CONFLICT', message: 'changed' } },
    ]);
    expect(served.counters.get('error', 'CONFLICT')).toBe(1);
  });

  it('is left by the server at a value that cannot be sent', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways);
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'watch', id: 'a', data: 'a' });
    await sources.asked.called(1);
    sources.of('a').next(1);
    expect(await client.next()).toEqual({ event: '$next', id: 'a', data: 1 });
    sources.of('a').next(2n);
    expect(sources.ended.seen).toEqual(['a']);
    sources.of('a').next(3);
    expect(await untilQuiet(client)).toEqual([{ event: '$error', id: 'a', data: errorData('UNENCODABLE') }]);
  });

  it.each(['before its first value', 'after its first value'])(
    'is unsubscribed when the client goes %s',
    async (when) => {
      const { sources, gateways } = streaming();
      await using served = await serve(gateways);
      await using client = await TestClient.connect(served.url(path));
      client.send({ event: 'watch', id: 'a', data: 'a' });
      await sources.asked.called(1);
      if (when === 'after its first value') {
        sources.of('a').next(1);
        await client.next('$next');
      }
      expect(sources.of('a').observed).toBe(true);
      await client.close();
      await sources.ended.called(1);
      expect(sources.of('a').observed).toBe(false);
    },
  );

  it('is refused above the limit, and has room again when another has ended (PROTOCOL 4.6)', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways, { options: { messages: { maxStreams: 2 } } });
    await using client = await TestClient.connect(served.url(path));
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      client.send({ event: 'watch', id: name, data: name });
      await sources.asked.called(index + 1);
      sources.of(name).next(name);
    }
    const frames = [await client.next(), await client.next(), await client.next()];
    expect(frames).toEqual([
      { event: '$next', id: 'a', data: 'a' },
      { event: '$next', id: 'b', data: 'b' },
      { event: '$error', id: 'c', data: errorData('TOO_MANY_STREAMS') },
    ]);
    expect(sources.ended.seen).toEqual(['c']);
    expect(served.counters.get('error', 'TOO_MANY_STREAMS')).toBe(1);

    sources.of('a').complete();
    expect(await untilQuiet(client)).toEqual([{ event: '$end', id: 'a' }]);
    client.send({ event: 'watch', id: 'd', data: 'd' });
    await sources.asked.called(4);
    sources.of('d').next('d');
    expect(await client.next()).toEqual({ event: '$next', id: 'd', data: 'd' });
    // The limit is of one connection.
    await using other = await TestClient.connect(served.url(path));
    other.send({ event: 'watch', id: 'e', data: 'e' });
    await sources.asked.called(5);
    sources.of('e').next('e');
    expect(await other.next()).toEqual({ event: '$next', id: 'e', data: 'e' });
  });

  it('of a message has no end, and sends nothing for undefined (PROTOCOL 4.3)', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways);
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'watch', data: 'a' });
    await sources.asked.called(1);
    for (const value of [1, undefined, { event: 'other', data: 2 }]) sources.of('a').next(value);
    sources.of('a').complete();
    expect(await untilQuiet(client)).toEqual([
      { event: 'watch', data: 1 },
      { event: 'other', data: 2 },
    ]);
  });

  it('sends nothing after the server has said goodbye (PROTOCOL 10.5)', async () => {
    const { sources, gateways } = streaming();
    await using served = await serve(gateways);
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'watch', id: 'a', data: 'a' });
    await sources.asked.called(1);
    sources.of('a').next(1);
    await client.next('$next');
    served.closeAll(4000);
    sources.of('a').next(2);
    expect(await client.closed).toMatchObject({ code: 4000 });
    expect(client.waiting).toEqual([]);
    await sources.ended.called(1);
  });
});

it('a stream that is declared as one waits for no first value: what comes behind it has its turn at once', async () => {
  const { sources, gateways } = streaming();
  await using served = await serve(gateways);
  await using client = await TestClient.connect(served.url('/plain'));
  client.send({ event: 'watch', id: 'a', data: 'a' });
  expect(await untilQuiet(client)).toEqual([]);
  expect(sources.of('a').observed).toBe(true);
  sources.of('a').complete();
  expect(await client.next()).toEqual({ event: '$end', id: 'a' });
});
