import { type Envelope, ReservedEvent, SDK_SUBPROTOCOL_JSON, type WelcomeData } from '@holdfast/protocol';
import type { WebSocketLike } from '../../src/index.js';

export const heartbeat = { intervalMs: 25_000, graceMs: 25_000 };

/** A socket whose server and network are the test. As strict as those of browsers. */
export class ScriptedSocket implements WebSocketLike {
  protocol = '';
  readyState = 0;
  bufferedAmount = 0;
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onerror: WebSocketLike['onerror'] = null;
  onclose: WebSocketLike['onclose'] = null;
  /** What the client sent, read. */
  readonly sent: Envelope[] = [];
  /** The code with which the client closed; null: without one. Undefined: it did not. */
  closedWith: number | null | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  /** Neither side has ended it. */
  get isLive(): boolean {
    return this.readyState <= 1;
  }

  /** Events of the application that the client sent, without its `$hello` and the like. */
  get heard(): Envelope[] {
    return this.sent.filter(({ event }) => !event.startsWith('$'));
  }

  send(text: string): void {
    if (this.readyState === 0) throw new Error('InvalidStateError: still connecting');
    // Safe: the client is known to send frames, and what is wrong with one shows in what the test expects.
    this.sent.push(JSON.parse(text) as Envelope);
  }

  close(code?: number): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error('InvalidAccessError');
    if (!this.isLive) return;
    this.readyState = 2;
    this.closedWith = code ?? null;
  }

  /** The server accepts the upgrade, if the client still waits for that. */
  accept(protocol: string = SDK_SUBPROTOCOL_JSON): this {
    if (this.readyState !== 0) return this;
    this.protocol = protocol;
    this.readyState = 1;
    this.#tell(this.onopen, {});
    return this;
  }

  /** The server accepts, hears the hello and welcomes. */
  welcome(data: Partial<WelcomeData> = {}): this {
    const limits = { maxPayloadBytes: 1_000 };
    return this.accept().say(ReservedEvent.welcome, { connectionId: 'c-1', heartbeat, limits, ...data });
  }

  say(event: string, data?: unknown, id?: string | number): this {
    return this.sayRaw(JSON.stringify({ event, data, id }));
  }

  /** A message as it comes from the network: a string, or for a binary one anything else. */
  sayRaw(data: unknown): this {
    this.#tell(this.onmessage, { data });
    return this;
  }

  /** The server closes or, with 1006, the connection breaks. */
  end(code = 1006, reason = ''): this {
    this.readyState = 3;
    this.#tell(this.onclose, { code, reason });
    return this;
  }

  /** The platform says what is wrong, as those outside of browsers do before they close. */
  fail(message: string): this {
    this.#tell(this.onerror, { message });
    return this.end();
  }

  #tell(handler: WebSocketLike['onopen'], event: object): void {
    // Safe: the handlers take what the standard gives them, of which `event` has the parts that matter.
    handler?.(event as never);
  }
}
