import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry } from '@holdfast/gateway';
import { TestClient, type TestFrame } from '@holdfast/testing';
import { finalize, NEVER, type Observable, of, startWith, tap, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Calls, errorData, expectNoCrash, gate, serve, type Served } from './support/dispatch.js';
import { boot } from './support/boot.js';

expectNoCrash();

const path = '/ending';

function fail(what: string): never {
  throw new Error(what);
}

/** What its handlers set up fails when it is taken down. */
@WebSocketGateway({ path })
class EndingGateway {
  readonly ended = new Calls<string>();
  readonly held = gate();

  @SubscribeMessage('watch')
  watch(): Observable<string> {
    return NEVER.pipe(
      startWith('begun'),
      finalize(() => fail('a teardown')),
    );
  }

  @SubscribeMessage('beside')
  beside(): Observable<string> {
    return NEVER.pipe(
      startWith('begun'),
      finalize(() => {
        this.ended.add('beside');
      }),
    );
  }

  @SubscribeMessage('complete')
  complete(): Observable<number> {
    return timer(1).pipe(finalize(() => fail('a teardown')));
  }

  @SubscribeMessage('listen')
  listen(@ConnectedSocket() { signal }: Connection): void {
    signal.addEventListener('abort', () => fail('a listener'));
    const later: () => unknown = () => Promise.reject(new Error('a listener that is asynchronous'));
    signal.addEventListener('abort', later);
    signal.onabort = () => fail('onabort');
    signal.addEventListener('abort', () => {
      this.ended.add('listener');
    });
  }

  @SubscribeMessage('hold')
  async hold(): Promise<void> {
    await this.held.promise;
    fail('a handler');
  }

  handleDisconnect(): Promise<void> {
    this.ended.add('hook');
    return Promise.reject(new Error('a hook'));
  }
}

function start(): Promise<Served> {
  // One client at most: a place that was not given back would keep out the next.
  return serve([EndingGateway], { admission: { maxConnections: 1 }, options: { heartbeat: { intervalMs: 0 } } });
}

let requests = 0;

/** The first answer to a request. */
function answerTo(client: TestClient, event: string): Promise<TestFrame> {
  client.send({ event, id: ++requests });
  return client.next();
}

/** Errors in the log that hold a text. */
const errorsWith = (served: Served, text: string): string[] =>
  served.log.of('error').filter((line) => line.includes(text));

const ways: [how: string, end: (served: Served, client: TestClient) => unknown][] = [
  ['the client vanishes', (_served, client) => client.terminate()],
  ['the client closes', (_served, client) => client.close()],
  ['the server closes', (served) => served.closeAll(4_000)],
  ['the client breaks the protocol', (_served, client) => client.sendRaw(Buffer.alloc(300_000))],
];

describe.each(ways)('when %s', (_how, end) => {
  it('a teardown that throws keeps nobody from theirs, and the connection is forgotten', async () => {
    await using served = await start();
    const registry = served.get(ConnectionRegistry);
    const { ended } = served.get(EndingGateway);
    const client = await TestClient.connect(served.url(path));
    for (const event of ['watch', 'watch', 'beside'])
      expect(await answerTo(client, event)).toMatchObject({ event: '$next' });
    end(served, client);
    await ended.called(2);
    expect(ended.seen).toEqual(['beside', 'hook']);
    await expect.poll(() => registry.size).toBe(0);
    expect(errorsWith(served, 'a teardown')).toHaveLength(2);
    expect(errorsWith(served, 'A teardown of what EndingGateway.watch streamed failed')).toHaveLength(2);
    await using next = await TestClient.connect(served.url(path));
    expect((await next.request('listen')).event).toBe('$reply');
    expect([...registry]).toHaveLength(1);
  });

  it('listeners of its signal that throw or reject do not keep the others from hearing of it', async () => {
    await using served = await start();
    const { ended } = served.get(EndingGateway);
    const client = await TestClient.connect(served.url(path));
    await client.request('listen');
    end(served, client);
    await ended.called(2);
    expect(ended.seen).toEqual(['listener', 'hook']);
    for (const what of ['Error: a listener\n', 'onabort', 'a listener that is asynchronous', 'a hook']) {
      await expect.poll(() => errorsWith(served, what)).toHaveLength(1);
    }
    (await TestClient.connect(served.url(path))).terminate();
  });

  it('a handler that rejects afterwards is logged and nothing more', async () => {
    await using served = await start();
    const { ended, held } = served.get(EndingGateway);
    const client = await TestClient.connect(served.url(path));
    client.send({ event: 'hold', id: 1 });
    await expect.poll(() => [...served.get(ConnectionRegistry)][0]?.stats.messagesIn).toBe(1);
    end(served, client);
    await ended.called(1);
    held.open();
    await expect.poll(() => errorsWith(served, 'a handler')).toHaveLength(1);
  });

  it('listeners of the registry that throw or reject stop nobody', async () => {
    await using served = await start();
    const registry = served.get(ConnectionRegistry);
    const left = new Calls<Connection>();
    registry.on('changed', () => fail('a listener of changed'));
    registry.on('left', () => Promise.reject(new Error('a listener of left')));
    registry.on('left', (connection) => {
      left.add(connection);
    });
    const client = await TestClient.connect(served.url(path));
    end(served, client);
    await left.called(1);
    expect(registry.size).toBe(0);
    await expect.poll(() => errorsWith(served, 'a listener of left')).toHaveLength(1);
    expect(errorsWith(served, 'a listener of changed').length).toBeGreaterThan(0);
  });
});

describe('a shutdown', () => {
  it('goes on when all of that fails', async () => {
    const served = await start();
    const client = await TestClient.connect(served.url(path));
    for (const event of ['watch', 'beside', 'listen']) await answerTo(client, event);
    await served[Symbol.asyncDispose]();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(served.get(EndingGateway).ended.seen).toEqual(['beside', 'listener', 'hook']);
  });
});

describe('a stream whose teardown throws', () => {
  it('has its answers all the same when it completes', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'complete', id: 1 });
    expect([(await client.next()).event, (await client.next()).event]).toEqual(['$next', '$end']);
    await expect.poll(() => errorsWith(served, 'a teardown')).toHaveLength(1);
  });

  it('is answered HANDLER_TIMEOUT in time, and the next message has its turn', async () => {
    class Passing implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(tap());
      }
    }
    @UseInterceptors(Passing)
    @WebSocketGateway({ path })
    class SilentGateway {
      @SubscribeMessage('silence')
      silence(): Observable<never> {
        return NEVER.pipe(finalize(() => fail('a teardown')));
      }

      @SubscribeMessage('next')
      next(): string {
        return 'here';
      }
    }
    await using served = await serve([SilentGateway], { options: { messages: { handlerTimeoutMs: 200 } } });
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'silence', id: 1 });
    client.send({ event: 'next', id: 2 });
    expect(await client.next()).toMatchObject({ event: '$error', id: 1, data: errorData('HANDLER_TIMEOUT') });
    expect(await client.next()).toMatchObject({ event: '$reply', id: 2 });
    expect(errorsWith(served, 'a teardown')).toHaveLength(1);
  });

  it('is refused as one too many, and the others go on', async () => {
    await using served = await serve([EndingGateway], { options: { messages: { maxStreams: 1 } } });
    await using client = await TestClient.connect(served.url(path));
    expect(await answerTo(client, 'beside')).toMatchObject({ event: '$next' });
    expect(await answerTo(client, 'watch')).toMatchObject({ event: '$error', data: errorData('TOO_MANY_STREAMS') });
    expect(errorsWith(served, 'a teardown')).toHaveLength(1);
    expect(served.get(EndingGateway).ended.seen).toEqual([]);
  });
});

describe('what a handler gives that fails when it is looked at', () => {
  const trap = (): object => ({
    get event() {
      return fail('a getter');
    },
    data: 1,
  });
  const broken = (): Observable<unknown> => {
    // As of another library: something to subscribe to, which throws.
    const source = { lift: () => source, subscribe: () => fail('a subscription') };
    return source as unknown as Observable<unknown>;
  };

  @WebSocketGateway({ path })
  class TrapGateway {
    @SubscribeMessage('value')
    value(): unknown {
      return trap();
    }

    @SubscribeMessage('later')
    async later(): Promise<unknown> {
      return trap();
    }

    @SubscribeMessage('stream')
    stream(): Observable<unknown> {
      return NEVER.pipe(startWith(trap()));
    }

    @SubscribeMessage('only')
    only(): Observable<unknown> {
      return of(trap());
    }

    @SubscribeMessage('broken')
    broken(): unknown {
      return broken();
    }
  }

  it.each([
    ['value', 'UNENCODABLE'],
    ['later', 'UNENCODABLE'],
    ['stream', 'UNENCODABLE'],
    ['only', 'UNENCODABLE'],
    ['broken', 'INTERNAL'],
  ])('"%s" is answered %s', async (event, code) => {
    await using served = await serve([TrapGateway], { options: { messages: { maxStreams: 1 } } });
    await using client = await TestClient.connect(served.url(path));
    // Twice: the first must have left no stream behind.
    for (let round = 0; round < 2; round++) {
      expect(await answerTo(client, event)).toMatchObject({ event: '$error', data: errorData(code) });
    }
    expect(served.log.of('error')).toHaveLength(2);
  });
});

it('a logger of the application that throws changes nothing of all that', async () => {
  const logger = { log: () => undefined, warn: () => undefined, error: () => fail('a logger') };
  const app = await boot({ options: { admission: { maxConnections: 1 } }, providers: [EndingGateway], logger });
  const { ended } = app.app.get(EndingGateway);
  const client = await TestClient.connect(app.url(path));
  for (const event of ['watch', 'listen']) await answerTo(client, event);
  client.terminate();
  await ended.called(2);
  expect(ended.seen).toEqual(['listener', 'hook']);
  (await TestClient.connect(app.url(path))).terminate();
  await app.close();
});
