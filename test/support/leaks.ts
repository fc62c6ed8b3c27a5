import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeFrame, HandshakeRefused, rawUpgrade, TestClient } from '@holdfast/testing';
import { bundle } from './bundle.js';
import { ScriptProcess } from './script-process.js';
import { SECRET, tokenOf } from './tokens.js';

/** What a server holds, as it says itself, after a collection of its garbage. */
export interface Holdings {
  readonly descriptors: number;
  /** Kinds of what keeps its loop alive, sorted. */
  readonly resources: readonly string[];
  /** Timers of Holdfast's clock that are armed. */
  readonly timers: number;
  readonly registry: number;
  /** Connections found by gateway, principal or tag, and those of the endpoints. */
  readonly indexed: number;
  /** Streams that somebody is still subscribed to. */
  readonly subscriptions: number;
  /** Handlers that wait for their connection to end. */
  readonly waiting: number;
  readonly listeners: Readonly<Record<string, number>>;
}

export interface Census {
  readonly holdings: Holdings;
  readonly heapUsed: number;
  /** Objects of connections, and their upgrade requests, that were not collected. */
  readonly uncollected: number;
  /** Connections there have been. */
  readonly connections: number;
  readonly goodbyes: number;
  readonly refusals: number;
}

/** A server that counts what it holds, in a process of its own whose garbage can be collected. */
export class CountingServer implements AsyncDisposable {
  private constructor(
    private readonly script: ScriptProcess,
    readonly port: number,
  ) {}

  static async start(): Promise<CountingServer> {
    const path = await bundle('leaks-server.ts');
    const child = spawn(process.execPath, ['--expose-gc', path, SECRET], { stdio: ['pipe', 'pipe', 'pipe'] });
    const script = new ScriptProcess(child, path);
    return new CountingServer(script, Number(await script.line('listening')));
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  async census(): Promise<Census> {
    this.script.write('census');
    return JSON.parse(await this.script.line('census')) as Census;
  }

  /** Closes the application, and waits for the process to end by itself; gives what it printed besides. */
  async close(): Promise<{ readonly exitCode: number | null; readonly printed: readonly string[] }> {
    this.script.write('close');
    await this.script.line('closed');
    await this.script.end();
    return { exitCode: this.script.exitCode, printed: this.script.printed };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.script.stop();
  }
}

type Visit = (server: CountingServer, token: string) => Promise<unknown>;

/** Long enough for a machine with a lot to do. */
const patienceMs = 30_000;
const patient = { timeoutMs: patienceMs };

/** Every way to come and go; each is one connection, or one attempt at it. */
export const visits: Readonly<Record<string, Visit>> = {
  'asks and closes': async (server) => {
    const client = await TestClient.connect(server.url('/open'), patient);
    await client.request('echo', 'hello', patienceMs);
    await client.close();
  },
  'speaks SDK, is tagged and closes': async (server, token) => {
    const client = await TestClient.connectSdk(server.url('/private'), { ...patient, token });
    await client.request('tag', undefined, patienceMs);
    await client.close();
  },
  'is somebody and vanishes': async (server, token) => {
    const client = await TestClient.connect(server.url('/private'), { ...patient, token });
    await vanish(client);
  },
  'vanishes while a handler is at work and others wait': async (server) => {
    const client = await TestClient.connect(server.url('/open'), patient);
    for (let id = 0; id < 3; id++) client.send({ event: 'wait', id });
    // Violations are answered at once: the messages before it have arrived.
    client.send({ event: 'nobody listens to this' });
    await client.next('$error', patienceMs);
    await vanish(client);
  },
  'leaves a stream open': async (server) => {
    const client = await TestClient.connectSdk(server.url('/open'), patient);
    client.send({ event: 'stream', id: 'stream' });
    await client.next('$next', patienceMs);
    await client.close();
  },
  'does not answer the close frame': async (server) => {
    const client = await raw(server, '/open');
    client.socket.write(encodeFrame({ payload: '{"event":"leave"}' }));
    await client.frames.next(patienceMs);
    client.socket.destroy();
  },
  'resets the connection': async (server) => {
    const client = await raw(server, '/open');
    client.socket.resetAndDestroy();
  },
  'is refused 401': (server) => refused(TestClient.connect(server.url('/private'), patient)),
  'is refused 404': (server) => refused(TestClient.connect(server.url('/nowhere'), patient)),
  'is refused after $hello': async (server) => {
    await TestClient.connectSdk(server.url('/private'), { ...patient, token: 'none' }).then(
      () => {
        throw new Error('the client was to be refused');
      },
      () => undefined,
    );
  },
  'leaves in the middle of the request': async (server) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /open HTTP/1.1\r\nHost: x\r\nUpgr');
    await once(socket, 'connect');
    socket.destroy();
  },
  'leaves while the guard decides': async (server) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const head = ['GET /guarded HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
    const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''];
    socket.write([...head, ...key].join('\r\n'));
    await once(socket, 'connect');
    socket.destroy();
  },
  'breaks the protocol': async (server) => {
    const client = await raw(server, '/open');
    client.socket.write(encodeFrame({ payload: 'unmasked', mask: false }));
    await client.frames.next(patienceMs);
    client.socket.destroy();
  },
};

/** So many visits, in turn of every kind, fifty at once: those of a batch are over before the next one begins. */
export async function visit(server: CountingServer, times: number): Promise<void> {
  const tokens = await Promise.all(Array.from({ length: 97 }, (_, i) => tokenOf(`user-${i}`)));
  const ways = Object.values(visits);
  for (let done = 0; done < times; done += 50) {
    const batch = Array.from({ length: Math.min(50, times - done) }, (_, i) => {
      const [way, token] = [ways[(done + i) % ways.length], tokens[(done + i) % tokens.length]];
      if (!way || token === undefined) throw new RangeError('there is one of each');
      return way(server, token);
    });
    await Promise.all(batch);
  }
}

async function vanish(client: TestClient): Promise<void> {
  client.terminate();
  await client.closed;
}

async function raw(server: CountingServer, path: string) {
  const answer = await rawUpgrade(server.url(path), patient);
  if (!answer.upgraded) throw new Error(`refused: ${answer.status} ${answer.body}`);
  answer.socket.on('error', () => undefined);
  return answer;
}

async function refused(connecting: Promise<TestClient>): Promise<void> {
  const outcome = await connecting.catch((error: unknown) => error);
  if (outcome instanceof HandshakeRefused && (outcome.status === 401 || outcome.status === 404)) return;
  throw new Error(`the client was to be refused 401 or 404: ${String(outcome)}`);
}
