import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Controller, Get } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { HoldfastOptions } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { boot } from './support/boot.js';
import { countersOf, deserted, Gate, granted, refused, registryOf, serverOf } from './support/admission.js';
import { textFrame, upgradeHeaders } from './support/hostile.js';

let gates: Gate[] = [];
beforeEach(() => (gates = [new Gate(), new Gate()]));

@Controller()
class PageController {
  @Get('page')
  page(): string {
    return 'a page';
  }

  @Get('slow')
  async slow(): Promise<string> {
    await gates[0]?.pass();
    return 'slow page';
  }

  @Get('slower')
  async slower(): Promise<string> {
    await gates[1]?.pass();
    return 'slower page';
  }
}

@WebSocketGateway({ path: '/ours' })
class OurGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }
}

const slow = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';
const slower = 'GET /slower HTTP/1.1\r\nHost: x\r\n\r\n';
const upgrade = `GET /ours HTTP/1.1\r\nHost: x\r\n${upgradeHeaders}\r\n`;
const handshakeTimeoutMs = 10_000;

/** There is one place, so that one which was not given back is missed at once. */
function startApp(clock?: ManualClock): Promise<HoldfastTestApp> {
  const options: HoldfastOptions = { admission: { maxConnections: 1, handshakeTimeoutMs } };
  return boot({ options, controllers: [PageController], providers: [OurGateway], ...(clock && { clock }) });
}

/** A connection, and all that it was sent so far. */
class Pipeline {
  readonly socket: Socket;
  said = '';

  constructor(app: HoldfastTestApp, ...requests: (string | Buffer)[]) {
    this.socket = connect(app.port, '127.0.0.1').on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => (this.said += chunk.toString('latin1')));
    this.socket.write(Buffer.concat(requests.map((request) => Buffer.from(request))));
  }

  /** Resolves when it was sent this. */
  async hears(text: string): Promise<void> {
    while (!this.said.includes(text)) await once(this.socket, 'data');
  }

  /** What it was sent by the time a request that came later is answered. */
  async saidByNow(app: HoldfastTestApp): Promise<string> {
    await fetch(app.httpUrl('/page')).then((response) => response.text());
    return this.said;
  }

  /** Status lines and bodies, and events of frames, in the order in which they came. */
  get order(): string[] {
    return this.said.match(/HTTP\/1\.1 \d+|slow page|slower page|"code":"\w+"|"data":"\w+"/g) ?? [];
  }
}

async function placeIsFree(app: HoldfastTestApp): Promise<void> {
  await deserted(app);
  const { socket } = await granted(app.url('/ours'));
  expect(await refused(app.url('/ours'))).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
  socket.destroy();
  await deserted(app);
}

describe('an upgrade behind requests that are not answered yet (RFC 9112 section 9.3.2)', () => {
  it('waits for their answers, and is answered after them', async () => {
    await using app = await startApp();
    const early = textFrame({ event: 'echo', id: 1, data: 'early' });
    const client = new Pipeline(app, slow, slower, upgrade, early);
    await Promise.all(gates.map(({ reached }) => reached));
    gates[1]?.open();
    expect(await client.saidByNow(app)).toBe('');
    // It has no place before it is its turn.
    expect(registryOf(app).size).toBe(0);
    gates[0]?.open();
    await client.hears('"data":"early"');
    client.socket.write(textFrame({ event: 'echo', id: 2, data: 'late' }));
    await client.hears('"data":"late"');
    expect(client.order).toEqual([
      ...['HTTP/1.1 200', 'slow page', 'HTTP/1.1 200', 'slower page'],
      ...['HTTP/1.1 101', '"data":"early"', '"data":"late"'],
    ]);
    client.socket.destroy();
    await placeIsFree(app);
  });

  it.each([
    ['a path without a gateway', upgrade.replace('/ours', '/nowhere'), 'PATH_NOT_FOUND', 404],
    ['a bad handshake', upgrade.replace('dGhl', 'd'), 'BAD_HANDSHAKE', 400],
  ])('is refused in its turn: %s', async (_name, request, code, status) => {
    await using app = await startApp();
    const client = new Pipeline(app, slow, request);
    await gates[0]?.reached;
    expect(await client.saidByNow(app)).toBe('');
    gates[0]?.open();
    await client.hears(code);
    expect(client.order).toEqual(['HTTP/1.1 200', 'slow page', `HTTP/1.1 ${status}`, `"code":"${code}"`]);
    client.socket.destroy();
    await placeIsFree(app);
  });

  it('is cut without an answer when they take longer than a handshake may', async () => {
    const clock = new ManualClock();
    await using app = await startApp(clock);
    const client = new Pipeline(app, slow, upgrade);
    await gates[0]?.reached;
    await client.saidByNow(app);
    clock.advance(handshakeTimeoutMs - 100);
    expect(await client.saidByNow(app)).toBe('');
    expect(client.socket.readyState).toBe('open');
    clock.advance(200);
    await once(client.socket, 'close');
    expect(client.said).toBe('');
    expect([...countersOf(app).of('refused')]).toEqual([['HANDSHAKE_TIMEOUT', 1]]);
    gates[0]?.open();
    await placeIsFree(app);
    expect(countersOf(app).get('admitted', 'plain')).toBe(1);
  });

  it('takes no place when its client has left by then', async () => {
    await using app = await startApp();
    const accepted = once(serverOf(app), 'connection') as Promise<[Socket]>;
    const client = new Pipeline(app, slow, upgrade);
    const [served] = await accepted;
    await gates[0]?.reached;
    const gone = new Promise((resolve) => served.once('close', resolve));
    client.socket.resetAndDestroy();
    gates[0]?.open();
    await gone;
    await placeIsFree(app);
  });

  it('does not keep the application from closing', async () => {
    const app = await startApp();
    const client = new Pipeline(app, slow, upgrade);
    await gates[0]?.reached;
    await client.saidByNow(app);
    const closed = app.close();
    await once(client.socket, 'close');
    gates[0]?.open();
    await closed;
    expect(client.said).toBe('');
  });

  it('is left to another server that it belongs to, and cut by nobody', async () => {
    const clock = new ManualClock();
    await using app = await startApp(clock);
    const theirs = new WebSocketServer({ noServer: true });
    serverOf(app).on('upgrade', (request, socket, head) => {
      if (request.url !== '/theirs') return;
      theirs.handleUpgrade(request, socket, head, (ws) => ws.on('message', (data: Buffer) => ws.send(data.toString())));
    });
    const client = new Pipeline(app, slow, upgrade.replace('/ours', '/theirs'));
    await gates[0]?.reached;
    gates[0]?.open();
    await client.hears('slow page');
    await client.saidByNow(app);
    clock.advance(2 * handshakeTimeoutMs);
    client.socket.write(textFrame('theirs'));
    await client.hears('theirs');
    client.socket.destroy();
  });
});

describe('an upgrade on a connection that was used before', () => {
  it('is answered at once when all answers are whole, however many there were', async () => {
    await using app = await startApp();
    const client = new Pipeline(app, slow);
    gates[0]?.open();
    await client.hears('slow page');
    for (let round = 0; round < 20; round++) {
      client.said = '';
      client.socket.write(slow);
      await client.hears('slow page');
    }
    client.said = '';
    client.socket.write(upgrade);
    await client.hears('HTTP/1.1 101');
    client.socket.destroy();
    await placeIsFree(app);
  });
});
