import { once } from 'node:events';
import {
  BadRequestException,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type INestApplication,
  type Type,
  UseFilters,
  UseGuards,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import {
  Ack,
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { HoldfastAdapter } from '@holdfast/gateway';
import { IsString } from 'class-validator';
import { concat, from, Observable, of, throwError, timer } from 'rxjs';
import { map } from 'rxjs/operators';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { expectNoCrash, serve, type Served } from './support/dispatch.js';

expectNoCrash();

const path = '/parity';

class Refusing implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class NameDto {
  @IsString()
  readonly name: string;
}

/** What of a client a filter written for WsAdapter uses. */
interface Sends {
  readonly readyState: number;
  send(data: string | Uint8Array): unknown;
}

@Catch(RangeError)
class SendingFilter implements ExceptionFilter<RangeError> {
  catch({ message }: RangeError, host: Parameters<ExceptionFilter['catch']>[1]): void {
    host.switchToWs().getClient<Sends>().send(`filtered: ${message}`);
  }
}

@Catch(TypeError)
class BaseFilter extends BaseWsExceptionFilter {}

/** One class for each application, so that neither sees what the other did to it. */
function gatewayWith(options: object): Type {
  @WebSocketGateway({ path, ...options })
  class ParityGateway {
    @SubscribeMessage('echo')
    echo(@MessageBody() data: unknown): unknown {
      return data;
    }

    @SubscribeMessage('undecorated')
    undecorated(_client: unknown, data: unknown): unknown {
      return { got: data };
    }

    @SubscribeMessage('respond')
    respond(): object {
      return { event: 'responded', data: 1, more: 'untouched' };
    }

    @SubscribeMessage('reserved')
    reserved(): object {
      return { event: '$reply', data: 1 };
    }

    @SubscribeMessage('later')
    later(@MessageBody() data: unknown): Promise<unknown> {
      return Promise.resolve({ event: 'later', data });
    }

    @SubscribeMessage('stream')
    stream(): Observable<unknown> {
      return from([1, null, 'two', undefined, { event: 'three', data: 3 }]).pipe(map((data) => data));
    }

    @SubscribeMessage('slowStream')
    slowStream(): Observable<unknown> {
      return concat(of('first'), timer(1).pipe(map(() => 'second')));
    }

    @SubscribeMessage('failingStream')
    failingStream(): Observable<unknown> {
      return concat(
        of('first'),
        throwError(() => new WsException('failed')),
      );
    }

    @SubscribeMessage('wsException')
    wsException(): never {
      throw new WsException('refused');
    }

    @SubscribeMessage('wsObject')
    wsObject(): never {
      throw new WsException({ code: 7, reason: 'mine' });
    }

    @SubscribeMessage('error')
    error(): never {
      throw new Error('secret');
    }

    @SubscribeMessage('http')
    http(): never {
      throw new BadRequestException('secret');
    }

    @SubscribeMessage('rejected')
    rejected(): Promise<never> {
      return Promise.reject(new WsException('rejected'));
    }

    @UseGuards(Refusing)
    @SubscribeMessage('guarded')
    guarded(): string {
      return 'never';
    }

    @UsePipes(new ValidationPipe({ exceptionFactory: () => new WsException('invalid') }))
    @SubscribeMessage('validated')
    validated(@MessageBody() { name }: NameDto): string {
      return name;
    }

    @UseFilters(SendingFilter)
    @SubscribeMessage('filtered')
    filtered(): never {
      throw new RangeError('out of range');
    }

    @UseFilters(BaseFilter)
    @SubscribeMessage('baseFiltered')
    baseFiltered(): never {
      throw new TypeError('wrong');
    }

    @SubscribeMessage('sends')
    sends(@ConnectedSocket() client: Sends, @MessageBody() data: string): string {
      if (client.readyState === WebSocket.OPEN) client.send(data);
      client.send(Buffer.from(data));
      return 'and returns';
    }

    @SubscribeMessage('unencodable')
    unencodable(): object {
      return { toJSON: () => ({ written: true }) };
    }

    @SubscribeMessage('fence')
    fence(): string {
      return 'fence';
    }
  }
  return ParityGateway;
}

const text = (value: unknown): string => JSON.stringify(value);

/** What a client sends, and how many frames come back. */
const cases: readonly [what: string, frame: string | Buffer, answers: number][] = [
  ...(['text', 0, false, '', [], {}, { event: 'own', data: null }, 'ünïcödé'] as const).map(
    (data): [string, string, number] => [`a handler that returns ${text(data)}`, text({ event: 'echo', data }), 1],
  ),
  ['a handler that returns null', text({ event: 'echo', data: null }), 0],
  ['a handler that returns nothing', text({ event: 'echo' }), 0],
  ['a handler without decorators', text({ event: 'undecorated', data: { a: 1 } }), 1],
  ['a handler that responds with an event', text({ event: 'respond' }), 1],
  ['a handler that responds with a reserved event', text({ event: 'reserved' }), 1],
  ['a handler that resolves later', text({ event: 'later', data: [1] }), 1],
  ['an observable', text({ event: 'stream' }), 3],
  ['an observable that takes time', text({ event: 'slowStream' }), 2],
  ['an observable that fails', text({ event: 'failingStream' }), 2],
  ['a WsException with text', text({ event: 'wsException', data: { peer: 'data' } }), 1],
  ['a WsException with an object', text({ event: 'wsObject' }), 1],
  ['an error', text({ event: 'error', data: 1 }), 1],
  ['an HttpException', text({ event: 'http' }), 1],
  ['a rejection', text({ event: 'rejected', data: 'x' }), 1],
  ['a guard that refuses', text({ event: 'guarded', data: 'x' }), 1],
  ['a pipe that refuses', text({ event: 'validated', data: { name: 1 } }), 1],
  ['a pipe that lets pass', text({ event: 'validated', data: { name: 'a name' } }), 1],
  ['a filter that sends', text({ event: 'filtered' }), 1],
  ["a filter derived from Nest's", text({ event: 'baseFiltered', data: 2 }), 1],
  ['a handler that sends by itself', text({ event: 'sends', data: 'by itself' }), 3],
  ['an object with toJSON', text({ event: 'unencodable' }), 1],
  ['members beside event and data', text({ event: 'echo', data: 1, id: 7, trace: 'x', $more: 2 }), 1],
  ['JSON in a binary frame', Buffer.from(text({ event: 'echo', data: 'binary' })), 1],
  ['an unknown event', text({ event: 'nobody', data: 1 }), 0],
  ['a reserved event', text({ event: '$ping', data: { n: 1 } }), 0],
  ['malformed JSON', '{"event":', 0],
  ['no object', '17', 0],
  ['null', 'null', 0],
  ['an array', '[]', 0],
  ['no event', '{"data":1}', 0],
  ['an event that is no string', '{"event":1}', 0],
  ['binary that is no JSON', Buffer.from([0, 255, 17]), 0],
  ['an empty frame', '', 0],
];

/** One client of one application. */
class Peer {
  readonly #waiting: string[] = [];
  #arrived: (() => void) | undefined;

  private constructor(private readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, isBinary) => {
      this.#waiting.push(`${isBinary ? 'binary' : 'text'} ${data.toString()}`);
      this.#arrived?.();
    });
  }

  static async connect(url: string): Promise<Peer> {
    const ws = new WebSocket(url, { perMessageDeflate: false });
    const peer = new Peer(ws);
    await once(ws, 'open');
    return peer;
  }

  /** The frames that a frame is answered with, and no more than those until a further message is answered. */
  async answersTo(frame: string | Buffer, expected: number): Promise<readonly string[]> {
    this.ws.send(frame);
    const answers = await this.#take(expected);
    this.ws.send('{"event":"fence"}');
    for (;;) {
      const [next] = await this.#take(1);
      if (next === 'text "fence"') return answers;
      answers.push(String(next));
    }
  }

  close(): void {
    this.ws.terminate();
  }

  async #take(count: number): Promise<string[]> {
    while (this.#waiting.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.#waiting.splice(0, count);
  }
}

describe('the format "nest" says what WsAdapter says to', () => {
  let nest: INestApplication;
  let served: Served;
  let theirs: Peer;
  let ours: Peer;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ providers: [gatewayWith({})] }).compile();
    nest = module.createNestApplication({ logger: false });
    nest.useWebSocketAdapter(new WsAdapter(nest));
    await nest.listen(0);
    served = await serve([gatewayWith({ format: 'nest' })]);
    theirs = await Peer.connect(`${(await nest.getUrl()).replace('http', 'ws').replace('[::1]', '127.0.0.1')}${path}`);
    ours = await Peer.connect(served.url(path));
  });

  afterAll(async () => {
    theirs.close();
    ours.close();
    await nest.close();
    await served[Symbol.asyncDispose]();
  });

  it.each(cases)('%s', async (_what, frame, answers) => {
    const expected = await theirs.answersTo(frame, answers);
    expect(expected).toHaveLength(answers);
    expect(await ours.answersTo(frame, answers)).toEqual(expected);
  });

  it('but a handler with @Ack() is given a function, by which it answers (PROTOCOL.md 16.4)', async () => {
    @WebSocketGateway({ path, format: 'nest' })
    class AckGateway {
      @SubscribeMessage('later')
      later(@MessageBody() data: unknown, @Ack() acknowledge: (data: unknown) => void): void {
        setImmediate(acknowledge, { got: data });
      }

      @SubscribeMessage('fence')
      fence(): string {
        return 'fence';
      }
    }
    await using own = await serve([AckGateway]);
    const peer = await Peer.connect(own.url(path));
    expect(await peer.answersTo(text({ event: 'later', data: 1 }), 1)).toEqual(['text {"got":1}']);
    peer.close();
  });

  it('with a message parser of the application, too', async () => {
    const parser = (data: string | Buffer | ArrayBuffer | Buffer[]): { event: string; data: unknown } | undefined => {
      if (typeof data !== 'string') return undefined;
      const [event = '', rest] = data.split(' ');
      return event === 'echo' ? { event, data: rest } : undefined;
    };
    await using own = await serve([gatewayWith({ format: 'nest' })]);
    const adapter = own.get(HoldfastAdapter);
    expect(adapter).toBeInstanceOf(WsAdapter);
    adapter.setMessageParser(parser);
    const peer = new WebSocket(own.url(path));
    await once(peer, 'open');
    peer.send('ignored');
    peer.send('echo loudly');
    const [answer] = (await once(peer, 'message')) as [Buffer];
    expect(answer.toString()).toBe('"loudly"');
    peer.terminate();
    expect(own.counters.get('ignored', 'MALFORMED_FRAME')).toBe(1);
  });
});
