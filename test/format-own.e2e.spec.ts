import { once } from 'node:events';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry, Endpoint, RawMessage, type WireFormat, type WireMessage } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { WebSocketServer } from '@nestjs/websockets';
import { expectNoCrash, serve } from './support/dispatch.js';

expectNoCrash();

const path = '/own';

interface LineMessage extends WireMessage {
  readonly number: string;
}

/** Lines of text: a number by which the client finds the answer, the event, and the rest. */
const lines: WireFormat = {
  name: 'lines',
  decode(frame): LineMessage | undefined {
    if (typeof frame !== 'string') throw new TypeError('no text');
    const [number = '', event, ...rest] = frame.split(' ');
    return event === undefined ? undefined : { number, event, data: rest.join(' ') };
  },
  encodeReply(value, message) {
    if (value === 'unencodable') throw new TypeError('not this');
    // What `decode` has made.
    return value === undefined ? undefined : `${(message as LineMessage).number} ok ${value as string}`;
  },
  encodeError({ code, exception }, message) {
    if (exception instanceof RangeError) throw new TypeError('not that');
    return `${(message as LineMessage).number} error ${code}`;
  },
  encodeEvent: (event, data) => `* ${event} ${String(data)}`,
};

@WebSocketGateway({ path, format: lines })
class LinesGateway {
  @WebSocketServer()
  readonly server: Endpoint;

  @SubscribeMessage('say')
  say(@MessageBody() data: string): string {
    return data;
  }

  @SubscribeMessage('fail')
  fail(@MessageBody() data: string): never {
    throw data === 'range' ? new RangeError('a bug') : new Error('a bug');
  }
}

describe('a format of the application', () => {
  it('decodes and encodes, and whatever it throws disturbs nobody', async () => {
    await using served = await serve([LinesGateway]);
    const ws = new WebSocket(served.url(path));
    await once(ws, 'open');
    const received: string[] = [];
    ws.on('message', (data: Buffer) => received.push(data.toString()));
    for (const line of [
      '1 say hello',
      '2 fail',
      '3 fail range',
      '4 say unencodable',
      'nothing',
      '5 nobody',
      '6 say last',
    ])
      ws.send(line);
    ws.send(Buffer.from('binary'));
    ws.send('7 say end');
    await expect.poll(() => received.at(-1)).toBe('7 ok end');
    expect(received).toEqual([
      '1 ok hello',
      '2 error INTERNAL',
      '3 error UNENCODABLE',
      '4 error UNENCODABLE',
      '6 ok last',
      '7 ok end',
    ]);
    expect(served.counters.get('ignored', 'MALFORMED_FRAME')).toBe(2);
    expect(served.counters.get('ignored', 'UNKNOWN_EVENT')).toBe(1);
    expect(served.log.of('error').join('\n')).toMatch(
      /What LinesGateway\.fail answered to "fail" cannot be sent: not that/,
    );
    const told = once(ws, 'message');
    expect(served.get(LinesGateway).server.emit('news', 'today')).toBe(1);
    expect(String((await told)[0])).toBe('* news today');
    ws.terminate();
  });

  it('does not concern SDK clients of the same gateway', async () => {
    await using served = await serve([LinesGateway]);
    await using client = await TestClient.connectSdk(served.url(path));
    expect(await client.request('say', 'hello')).toMatchObject({ event: '$reply', data: 'hello' });
    const [connection] = served.get(ConnectionRegistry);
    expect(connection?.emit('news', 1)).toBe(true);
    expect(await client.next('news')).toEqual({ event: 'news', data: 1 });
  });
});

class Say {
  @SubscribeMessage('say')
  say(): void {}
}

class Raw {
  @RawMessage()
  raw(): void {}
}

describe('at boot a gateway is refused that', () => {
  it.each<[string, new () => object, object, RegExp]>([
    ['names an unknown format', Say, { format: 'json' }, /sets format "json": allowed are "holdfast", "nest", "raw"/],
    ['gives no format', Say, { format: { name: 'mine' } }, /is no WireFormat/],
    ['subscribes to events in the format raw', Say, { format: 'raw' }, /subscribes to say: use @RawMessage\(\)/],
    ['takes frames whole in another format', Raw, { format: 'nest' }, /needs @WebSocketGateway\(\{ format: 'raw' \}\)/],
    ['offers a subprotocol of Holdfast', Say, { subprotocols: ['holdfast.v1.json'] }, /do not begin with "holdfast\."/],
    ['offers what is no token', Say, { subprotocols: ['a b'] }, /the subprotocol "a b"/],
    ['offers no list', Say, { subprotocols: 'ocpp1.6' }, /no array of names/],
    ['offers one twice', Say, { subprotocols: ['ocpp1.6', 'ocpp1.6'] }, /names a subprotocol twice: ocpp1\.6/],
    ['decides by verifyClient', Say, { verifyClient: () => true }, /sets "verifyClient": decide in a guard/],
    ['has a namespace', Say, { namespace: 'chat' }, /sets "namespace": namespaces belong to socket\.io/],
    ['has a misspelt option', Say, { pth: '/x' }, /sets "pth": not an option here/],
  ])('%s', async (_what, type, options, message) => {
    const gateway = class Refused extends type {};
    WebSocketGateway({ path, ...options })(gateway);
    await expect(serve([gateway])).rejects.toThrow(message);
  });

  it('has another format than one that shares its path', async () => {
    const first = class First extends Say {};
    const second = class Second extends Raw {};
    WebSocketGateway({ path, format: 'nest', subprotocols: ['a'] })(first);
    WebSocketGateway({ path })(second);
    await expect(serve([first, second])).rejects.toThrow(
      /First and Second share a path but set different format: nest and the default[^]*different subprotocols/,
    );
  });

  it('has another format of the same name than one that shares its path', async () => {
    const first = class First extends Say {};
    const second = class Second extends Raw {};
    WebSocketGateway({ path, format: lines })(first);
    WebSocketGateway({ path, format: { ...lines } })(second);
    await expect(serve([first, second])).rejects.toThrow(/First and Second share a path but set different format/);
  });

  it('takes frames whole beside another that does', async () => {
    const first = class First extends Raw {};
    const second = class Second extends Raw {};
    for (const type of [first, second]) WebSocketGateway({ path, format: 'raw' })(type);
    await expect(serve([first, second])).rejects.toThrow(/First\.raw and Second\.raw both/);
  });
});

it('options of WsAdapter and socket.io that change nothing are a warning, with what to set', async () => {
  const gateway = class Warned extends Say {};
  WebSocketGateway({ path, cors: { origin: '*' }, transports: ['websocket'], cookie: true, pingInterval: 1 })(gateway);
  await using served = await serve([gateway]);
  const warnings = served.log.of('warn').join('\n');
  expect(warnings).toMatch(/Warned sets "cors", which changes nothing here: .*admission\.origins/);
  expect(warnings).toMatch(/"transports"[^]*"cookie"[^]*"pingInterval".*heartbeat\.intervalMs/);
});
