import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { ConnectionEnded, TimedOut } from './errors.js';
import { Inbox } from './inbox.js';
import { decodeFrame, type WireFrame } from './wire-frame.js';

const defaultTimeoutMs = 4_000;

/** @publicApi */
export interface RawUpgradeOptions {
  /** Default `GET`. */
  readonly method?: string;
  /** Request target, written as it is. Default path and query of the URL. */
  readonly path?: string;
  /**
   * Added to the headers of a right handshake, or put in their place; `undefined` leaves one out, an array repeats it.
   */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `Sec-WebSocket-Version`. Default `13`. */
  readonly version?: string;
  /** Bytes that go out in the same packet as the request, behind it. Default none. */
  readonly writeAfter?: Buffer;
  /** The address to come from, such as `127.0.0.2`: to the server another client. Default what the system chooses. */
  readonly localAddress?: string;
  /** How long the answer may take, in milliseconds. Default 4000. */
  readonly timeoutMs?: number;
}

/** An HTTP answer to the handshake. @publicApi */
export interface RawRefusal {
  readonly upgraded: false;
  readonly status: number;
  /** Lower-cased names; what came more than once is joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The server has switched protocols; the connection is the caller's to end. @publicApi */
export interface RawUpgraded {
  readonly upgraded: true;
  readonly status: 101;
  /** Lower-cased names. */
  readonly headers: Readonly<Record<string, string>>;
  /** For writing whatever one likes, and for destroying. Reading is up to `frames`. */
  readonly socket: Socket;
  readonly frames: FrameReader;
}

/**
 * Makes a WebSocket handshake (RFC 6455, 4.1) on a bare TCP connection, with as many faults as one likes.
 * Plain `ws:` and `http:` URLs only. A body that has no `Content-Length` ends with the connection.
 *
 * @throws {ConnectionEnded} There was no complete answer before the connection ended; `ECONNREFUSED` and such are its
 *   cause.
 * @throws {TimedOut} There was no complete answer in `timeoutMs`.
 * @publicApi
 */
export async function rawUpgrade(url: string, options: RawUpgradeOptions = {}): Promise<RawRefusal | RawUpgraded> {
  const target = new URL(url);
  const { localAddress } = options;
  const socket = connect({ host: target.hostname, port: Number(target.port || 80), localAddress });
  // One write, so that request and first frames share a packet.
  socket.write(
    Buffer.concat([Buffer.from(requestText(target, options), 'latin1'), options.writeAfter ?? Buffer.alloc(0)]),
  );
  try {
    return await readAnswer(socket, options.timeoutMs ?? defaultTimeoutMs);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function requestText(target: URL, options: RawUpgradeOptions): string {
  const headers = {
    Host: target.host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': options.version ?? '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
  };
  const given = Object.entries(options.headers ?? {});
  const replaced = new Set(given.map(([name]) => name.toLowerCase()));
  const lines = [
    ...Object.entries(headers).filter(([name]) => !replaced.has(name.toLowerCase())),
    ...given.flatMap(([name, value]) => [value ?? []].flat().map((each): [string, string] => [name, each])),
  ].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${options.method ?? 'GET'} ${options.path ?? target.pathname + target.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function readAnswer(socket: Socket, timeoutMs: number): Promise<RawRefusal | RawUpgraded> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let failure: Error | undefined;
    const settle = (outcome: RawRefusal | RawUpgraded | Error) => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose).off('error', onError);
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const head = parseHead(received);
      if (head?.status === 101) {
        // The reader listens before this one leaves, so that no byte falls between them.
        const frames = new FrameReader(socket, head.rest, timeoutMs);
        settle({ upgraded: true, status: 101, headers: head.headers, socket, frames });
        return;
      }
      const length = head?.headers['content-length'];
      if (head && length !== undefined && head.rest.length >= Number(length)) settle(refusal(socket, head));
    };
    const onClose = () => {
      const head = parseHead(received);
      const whole = head && head.status !== 101 && head.headers['content-length'] === undefined;
      settle(whole ? refusal(socket, head) : new ConnectionEnded(1006, failure?.message ?? '', { cause: failure }));
    };
    const onError = (error: Error) => {
      failure = error;
    };
    const timer = setTimeout(() => {
      settle(new TimedOut(`the answer to the handshake did not come within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on('data', onData).on('close', onClose).on('error', onError);
    // Whatever happens to the connection later is told by 'close'; without a listener it would end the process.
    socket.on('error', () => undefined);
  });
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rest: Buffer;
}

function parseHead(received: Buffer): Head | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status: Number(statusLine.split(' ')[1]), headers, rest: received.subarray(end + 4) };
}

function refusal(socket: Socket, head: Head): RawRefusal {
  socket.destroy();
  return { upgraded: false, status: head.status, headers: head.headers, body: head.rest.toString() };
}

/**
 * Reads the frames that come on a bare connection, in order, and keeps them until they are asked for.
 *
 * @publicApi
 */
export class FrameReader {
  readonly #inbox = new Inbox<WireFrame>();
  #received: Buffer;

  /** @internal */
  constructor(
    socket: Socket,
    first: Buffer,
    private readonly timeoutMs: number,
  ) {
    this.#received = first;
    this.#decode();
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#decode();
    });
    socket.on('close', () => {
      this.#inbox.close(new ConnectionEnded(1006, 'the TCP connection has ended'));
    });
  }

  /**
   * The next frame of any kind, control frames too.
   *
   * @throws {TimedOut} None came in `timeoutMs`.
   * @throws {ConnectionEnded} None has come, and the connection has ended.
   */
  next(timeoutMs: number = this.timeoutMs): Promise<WireFrame> {
    return this.#inbox.take(
      (frame) => frame,
      timeoutMs,
      () => 'a frame',
    );
  }

  #decode(): void {
    for (let decoded = decodeFrame(this.#received); decoded; decoded = decodeFrame(this.#received)) {
      this.#received = this.#received.subarray(decoded.size);
      this.#inbox.push(decoded.frame);
    }
  }
}
