import { on, once } from 'node:events';
import { WebSocket } from 'ws';

export interface PingedClientOptions {
  /** Offered subprotocols. Default none. */
  readonly protocols?: readonly string[];
  /** Whether protocol pings are answered, as every WebSocket library does. Default true. */
  readonly autoPong?: boolean;
}

/**
 * A client that tells of the pings it gets, which `TestClient` hides, and answers them only as it is told.
 */
export class PingedClient implements AsyncDisposable {
  /** Protocol pings so far. */
  pings = 0;
  /** Close codes as they came from the server; 1006 when none did. */
  readonly closed: Promise<number>;
  readonly #pings: AsyncIterator<unknown>;
  readonly #messages: AsyncIterator<unknown>;

  private constructor(private readonly socket: WebSocket) {
    this.#pings = on(socket, 'ping', { close: ['close'] });
    this.#messages = on(socket, 'message', { close: ['close'] });
    socket.on('ping', () => this.pings++);
    socket.on('error', () => undefined);
    this.closed = once(socket, 'close').then(([code]) => Number(code));
  }

  static async connect(url: string, options: PingedClientOptions = {}): Promise<PingedClient> {
    const { protocols = [], autoPong = true } = options;
    const socket = new WebSocket(url, [...protocols], { autoPong, perMessageDeflate: false });
    const client = new PingedClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** The payload of the next protocol ping that nobody asked for yet. */
  async nextPing(): Promise<Buffer> {
    return firstOf(await this.#pings.next());
  }

  /** The next message, parsed. */
  async nextMessage(): Promise<unknown> {
    const message = firstOf(await this.#messages.next());
    return JSON.parse(message.toString());
  }

  send(envelope: object): void {
    this.socket.send(JSON.stringify(envelope));
  }

  pong(payload: Buffer | string): void {
    this.socket.pong(payload);
  }

  /** Resolves when the server has read everything sent so far, and everything it sent before is here. */
  async settle(): Promise<void> {
    const answered = once(this.socket, 'pong');
    this.socket.ping();
    await answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

function firstOf({ done, value }: IteratorResult<unknown>): Buffer {
  if (done === true) throw new Error('the connection has ended');
  // `ws` gives pings, and messages in one piece, as a Buffer.
  return (value as [Buffer])[0];
}
