import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { ReservedEvent, SDK_SUBPROTOCOL_JSON } from '@holdfast/protocol';
import { WebSocket, type ClientOptions, type RawData } from 'ws';
import { ConnectionEnded, HandshakeRefused } from './errors.js';
import { Inbox } from './inbox.js';
import { PendingRequests } from './pending-requests.js';
import { parseJson, parseTestFrame, type RawTestFrame, type TestFrame } from './test-frame.js';

/** Long enough for a loaded machine, short enough that a missing frame is named before the test runner gives up. */
const defaultTimeoutMs = 4_000;

/** @publicApi */
export interface TestClientOptions {
  /** Extra request headers. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Offered subprotocols. Default none in plain mode and `holdfast.v1.json` in SDK mode. */
  readonly protocols?: readonly string[];
  /** In plain mode sent as `Authorization: Bearer`, in SDK mode in `$hello`. Default none. */
  readonly token?: string;
  /** In SDK mode: what else `$hello` says, such as `session`. Default nothing. */
  readonly hello?: object;
  /** `Origin` header. Default none, as of a client that is not a browser. */
  readonly origin?: string;
  /** Whether pings are answered: those of the protocol, and `$ping` in SDK mode. Default true. */
  readonly answerPings?: boolean;
  /**
   * How long the handshake, and then each wait without a timeout of its own, may take, in milliseconds. Default 4000.
   */
  readonly timeoutMs?: number;
}

/** How a connection ended. @publicApi */
export interface CloseEvent {
  /** Close code; 1006 when there was no close frame (RFC 6455, 7.1.5). */
  readonly code: number;
  /** Close reason, or an empty string. */
  readonly reason: string;
}

/**
 * A WebSocket client for tests. Every frame is kept until it is asked for, so none is missed between two awaits, and
 * the order of asking does not matter.
 *
 * ```ts
 * await using client = await TestClient.connect(app.url('/chat'), { token });
 * const reply = await client.request('say', { text: 'hello' });
 * ```
 *
 * @publicApi
 */
export class TestClient implements AsyncDisposable {
  /** Settles when the connection has ended; never rejects. */
  readonly closed: Promise<CloseEvent>;
  readonly #inbox = new Inbox<RawTestFrame>();
  readonly #requests = new PendingRequests();
  #welcomeFrame: TestFrame | undefined;

  private constructor(
    private readonly socket: WebSocket,
    private readonly timeoutMs: number,
    private readonly answersSdkPings: boolean,
  ) {
    socket.on('message', (data, isBinary) => {
      this.#receive({ data: toBuffer(data), isBinary });
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        const ended = { code, reason: reason.toString() };
        const error = new ConnectionEnded(ended.code, ended.reason);
        this.#inbox.close(error);
        this.#requests.close(error);
        resolve(ended);
      });
    });
  }

  /**
   * Connects in plain mode.
   *
   * @throws {HandshakeRefused} The server answered with an HTTP status instead.
   * @throws {ConnectionEnded} The connection could not be made, or broke during the handshake.
   */
  static async connect(url: string, options: TestClientOptions = {}): Promise<TestClient> {
    const authorization: Record<string, string> =
      options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    return open(
      url,
      options,
      { ...authorization, ...options.headers },
      options.protocols ?? [],
      (socket, timeoutMs) => {
        return new TestClient(socket, timeoutMs, false);
      },
    );
  }

  /**
   * Connects in SDK mode: offers `holdfast.v1.json`, sends `$hello` and waits for `$welcome`, which is then in
   * {@link welcome}. `$ping` is answered, and not kept, unless `answerPings` is false.
   *
   * @throws {HandshakeRefused} The server answered with an HTTP status instead.
   * @throws {ConnectionEnded} The connection could not be made, or was closed in place of a welcome.
   */
  static async connectSdk(url: string, options: TestClientOptions = {}): Promise<TestClient> {
    const protocols = options.protocols ?? [SDK_SUBPROTOCOL_JSON];
    const client = await open(url, options, { ...options.headers }, protocols, (socket, timeoutMs) => {
      return new TestClient(socket, timeoutMs, options.answerPings !== false);
    });
    try {
      const { token, hello } = options;
      client.send({ event: ReservedEvent.hello, data: { ...(token !== undefined && { token }), ...hello } });
      client.#welcomeFrame = await client.next(ReservedEvent.welcome);
    } catch (error) {
      client.terminate();
      throw error;
    }
    return client;
  }

  /** What the server sent as `$welcome`; undefined in plain mode. */
  get welcome(): TestFrame | undefined {
    return this.#welcomeFrame;
  }

  /** The subprotocol that the server chose, or an empty string. */
  get protocol(): string {
    return this.socket.protocol;
  }

  /** Events of the frames that have arrived and were not taken yet; `undefined` stands for what is no envelope. */
  get waiting(): readonly (string | undefined)[] {
    return this.#inbox.waiting().map((frame) => parseTestFrame(frame)?.event);
  }

  /**
   * Takes the oldest envelope of that event, or of any event, that has arrived or will. Others stay for later calls.
   *
   * @throws {TimedOut} None came in `timeoutMs`.
   * @throws {ConnectionEnded} None has come, and the connection has ended.
   */
  next(event?: string, timeoutMs: number = this.timeoutMs): Promise<TestFrame> {
    return this.#inbox.take(
      (raw) => {
        const frame = parseTestFrame(raw);
        return frame !== undefined && (event === undefined || frame.event === event) ? frame : undefined;
      },
      timeoutMs,
      () => `${event ?? 'a frame'} (waiting instead: ${JSON.stringify(this.waiting)})`,
    );
  }

  /** Takes the oldest message whatever it is, as its bytes. Throws as {@link next} does. */
  nextFrame(timeoutMs: number = this.timeoutMs): Promise<RawTestFrame> {
    return this.#inbox.take(
      (raw) => raw,
      timeoutMs,
      () => 'a message',
    );
  }

  /** Sends an envelope as JSON. */
  send(envelope: TestFrame): void {
    this.sendRaw(JSON.stringify(envelope));
  }

  /** Sends a string as a text message, or bytes as a binary one, as they are. */
  sendRaw(message: string | Buffer): void {
    this.socket.send(message);
  }

  /**
   * Sends a request and waits for its answer by id. The answer, and the parts of a stream, are not given to
   * {@link next}. A stream (`$next`, `$next`, ... `$end`) resolves with the `$end` frame whose `data` is the array of
   * what came in parts.
   *
   * @throws {RequestFailed} The answer was `$error`; carries its code, message and details.
   * @throws {TimedOut} No answer, or no end of the stream, within `timeoutMs`.
   * @throws {ConnectionEnded} The connection ended first.
   */
  request(event: string, data?: unknown, timeoutMs: number = this.timeoutMs): Promise<TestFrame> {
    const { id, answer } = this.#requests.add(event, timeoutMs);
    this.send({ event, data, id });
    return answer;
  }

  /** Sends a protocol ping. */
  ping(payload?: string): void {
    this.socket.ping(payload);
  }

  /** Stops reading from the socket, so that the server meets a slow reader. */
  pause(): void {
    this.socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.socket.resume();
  }

  /** Starts the closing handshake and waits for the end. Code default 1000. */
  close(code = 1000, reason?: string): Promise<CloseEvent> {
    this.socket.close(code, reason);
    return this.closed;
  }

  /** Drops the connection without a close frame. */
  terminate(): void {
    this.socket.terminate();
  }

  /** Drops the connection: a test that has ended waits for no server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    await this.closed;
  }

  #receive(raw: RawTestFrame): void {
    const frame = parseTestFrame(raw);
    if (frame !== undefined) {
      if (this.answersSdkPings && frame.event === ReservedEvent.ping) {
        this.send({ ...frame, event: ReservedEvent.pong });
        return;
      }
      if (this.#requests.settle(frame)) return;
    }
    this.#inbox.push(raw);
  }
}

/** `make` runs before the handshake has ended: a frame in the same packet as the 101 must find its listener. */
async function open(
  url: string,
  options: TestClientOptions,
  headers: Readonly<Record<string, string>>,
  protocols: readonly string[],
  make: (socket: WebSocket, timeoutMs: number) => TestClient,
): Promise<TestClient> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const settings: ClientOptions = {
    headers: { ...headers },
    handshakeTimeout: timeoutMs,
    autoPong: options.answerPings !== false,
    perMessageDeflate: false,
    maxPayload: 0,
  };
  if (options.origin !== undefined) settings.origin = options.origin;
  const socket = new WebSocket(url, [...protocols], settings);
  const client = make(socket, timeoutMs);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => {
      resolve();
    });
    // Stays for the whole life: later errors end in 'close', which is what a test looks at.
    socket.on('error', (cause) => {
      reject(new ConnectionEnded(1006, cause.message, { cause }));
    });
    socket.once('unexpected-response', (_request, response) => {
      void refusal(response)
        .then(reject, (cause: unknown) => {
          reject(new ConnectionEnded(1006, 'cut in the middle of a refusal', { cause }));
        })
        .finally(() => {
          socket.terminate();
        });
    });
  });
  return client;
}

async function refusal(response: IncomingMessage): Promise<HandshakeRefused> {
  const body = await text(response);
  return new HandshakeRefused(response.statusCode ?? 0, response.headers, parseJson(body) ?? body);
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
