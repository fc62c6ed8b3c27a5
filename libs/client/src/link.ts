import {
  type CloseCode,
  type Envelope,
  isReserved,
  parseDrain,
  parseRefreshRequest,
  type ParseResult,
  parseServerPing,
  parseWelcome,
  ReservedEvent,
  SDK_SUBPROTOCOL_JSON,
  type WelcomeData,
} from '@holdfast/protocol';
import { type Emitter } from './emitter.js';
import { errorOf, HoldfastError, tokenProviderFailed } from './errors.js';
import { incoming } from './frame.js';
import { Liveness } from './liveness.js';
import { type Ending, type Input } from './machine.js';
import { type Settings, type TokenProvider } from './options.js';
import { type Outgoing } from './outbox.js';
import { type TimerHandle, type WebSocketLike } from './ports.js';
import { type Requests } from './requests.js';

const openState: WebSocket['OPEN'] = 1;
const closedState: WebSocket['CLOSED'] = 3;
// By type only, as in machine.ts.
const normal: (typeof CloseCode)['NORMAL'] = 1000;
const protocolError: (typeof CloseCode)['PROTOCOL_ERROR'] = 1002;
const abnormal: (typeof CloseCode)['ABNORMAL'] = 1006;
const heartbeatLost: (typeof CloseCode)['HEARTBEAT_LOST'] = 4504;

/** How long the server may take to answer a close. The 30 s of `ws` would keep a process alive that is done. */
const answerMs = 3_000;

/** Less than that is no time to ask for a token once more. */
const shortestWaitMs = 1_000;

/** One attempt and the connection it leads to: token, socket, hello, welcome, reserved events, and all timers of these. */
export class Link {
  welcome: WelcomeData | undefined;
  readonly #settings: Settings;
  readonly #emitter: Emitter;
  readonly #requests: Requests;
  readonly #apply: (input: Input) => void;
  /** The one that was sent last. */
  #token: string | undefined;
  #socket: WebSocketLike | undefined;
  #liveness: Liveness | undefined;
  /** Until the welcome that of the attempt, then that of the next try to bring a fresh token. */
  #timer: TimerHandle = undefined;
  #isOver = false;
  /** What the last frame was, if that was an error: it explains the close that follows. */
  #lastError: HoldfastError | undefined;
  #pings = 0;

  /** @param apply - told of `welcome`, `drain`, and once of `ended`, unless {@link close} was called before. */
  constructor(settings: Settings, emitter: Emitter, requests: Requests, apply: (input: Input) => void) {
    this.#settings = settings;
    this.#emitter = emitter;
    this.#requests = requests;
    this.#apply = apply;
  }

  /** @param refused - how a token was refused that is not worth another attempt. */
  start(refused?: Ending): void {
    const { connectTimeoutMs, token, ports } = this.#settings;
    const late: Ending = { cause: 'timeout', reason: `no welcome within ${connectTimeoutMs} ms` };
    this.#timer = ports.clock.schedule(() => this.#end(late), connectTimeoutMs);
    if (token === undefined) this.#dial();
    else void this.#authenticate(token, refused);
  }

  get isWritable(): boolean {
    return this.welcome !== undefined && this.#socket?.readyState === openState;
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends what the server takes; what is larger would end the connection (PROTOCOL.md 12.1). */
  send({ text, bytes, request }: Outgoing): HoldfastError | undefined {
    const { maxPayloadBytes = 0 } = this.welcome?.limits ?? {};
    if (bytes > maxPayloadBytes) {
      const message = `The server takes ${maxPayloadBytes} bytes, and the frame has ${bytes}`;
      return new HoldfastError('PAYLOAD_TOO_LARGE', message);
    }
    if (request) request.isSent = true;
    this.#socket?.send(text);
    return undefined;
  }

  /** The machine or network was away: is the server still there? */
  probe(): void {
    this.#liveness?.probe();
  }

  /**
   * Ends it; nobody hears any more of it.
   *
   * @param isDead - nobody will answer the close.
   */
  close(code: number = normal, isDead = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { clock } = this.#settings.ports;
    clock.cancel(this.#timer);
    this.#liveness?.stop();
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Not null: in `ws` an error that nobody listens to ends the process.
    socket.onerror = () => undefined;
    try {
      socket.close(code);
    } catch {
      // Browsers leave most codes below 3000 to themselves.
      socket.close();
    }
    // Only `ws` waits for the answer, and can be told not to.
    if (isDead) socket.terminate?.();
    else if (socket.terminate && socket.readyState !== closedState) {
      const timer = clock.schedule(() => socket.terminate?.(), answerMs);
      socket.onclose = () => clock.cancel(timer);
    }
  }

  async #authenticate(provider: TokenProvider, refused?: Ending): Promise<void> {
    try {
      this.#token = await provider();
    } catch (cause) {
      this.#end({ cause: 'token', error: tokenProviderFailed(cause) });
      return;
    }
    if (refused && this.#token !== undefined && this.#token === refused.token) {
      this.#end({ ...refused, reason: 'the token provider gave the refused token again' });
    } else if (!this.#isOver) {
      this.#dial();
    }
  }

  #dial(): void {
    const { WebSocket, url } = this.#settings;
    try {
      const socket = new WebSocket(url, [SDK_SUBPROTOCOL_JSON]);
      this.#socket = socket;
      let problem: string | undefined;
      socket.onopen = () => this.#hello(socket.protocol);
      socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
      // Outside of browsers it says what is wrong.
      socket.onerror = ({ message }: { message?: string }) => {
        problem = message;
      };
      socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
        if (code === abnormal) this.#end({ cause: 'network', code, reason: reason || problem });
        else this.#end({ cause: 'server', code, reason, error: this.#lastError });
      };
    } catch (error) {
      // Such as for an address that the policy of the page forbids.
      this.#end({ cause: 'network', code: abnormal, reason: String(error) });
    }
  }

  #hello(selected: string): void {
    // JSON leaves out a token that is undefined.
    if (selected === SDK_SUBPROTOCOL_JSON) this.#control(ReservedEvent.hello, { token: this.#token });
    else this.#refuse('the server selected another subprotocol');
  }

  #control(event: string, data: object, id?: number): void {
    if (this.#socket?.readyState === openState) this.#socket.send(JSON.stringify({ event, data, id }));
  }

  #receive(data: unknown): void {
    this.#liveness?.heard();
    this.#lastError = undefined;
    const envelope = incoming(data);
    if (envelope === undefined) this.#unusable('The server sent something that is no frame');
    else if (envelope.event === ReservedEvent.error && envelope.id === undefined) this.#failed(errorOf(envelope.data));
    else if (this.welcome) this.#handle(envelope);
    else this.#welcomed(envelope);
  }

  #failed(error: HoldfastError): void {
    this.#lastError = error;
    // Before the welcome it is the reason of the refusal, which the change of state tells.
    if (this.welcome) this.#emitter.emit('$error', error);
  }

  #welcomed({ event, data }: Envelope): void {
    const welcome = event === ReservedEvent.welcome ? parseWelcome(data) : undefined;
    if (!welcome?.ok) {
      this.#refuse(welcome?.error.message ?? 'the first frame of the server is not $welcome');
      return;
    }
    const { clock } = this.#settings.ports;
    clock.cancel(this.#timer);
    this.welcome = welcome.value;
    this.#liveness = new Liveness(
      clock,
      welcome.value.heartbeat,
      () => this.#control(ReservedEvent.ping, { n: ++this.#pings }),
      () => this.#end({ cause: 'silence', code: heartbeatLost, reason: 'the server is silent' }),
    );
    this.#apply({ type: 'welcome' });
  }

  #handle(envelope: Envelope): void {
    const { event, data, id } = envelope;
    if (id !== undefined) this.#requests.answer(id, envelope);
    else if (event === ReservedEvent.ping)
      this.#use(parseServerPing(data), ({ n }) => this.#control(ReservedEvent.pong, { n }));
    else if (event === ReservedEvent.pong) this.#liveness?.answered();
    else if (event === ReservedEvent.refresh)
      this.#use(parseRefreshRequest(data), ({ expiresInMs }) => void this.#refresh(expiresInMs));
    else if (event === ReservedEvent.drain)
      this.#use(parseDrain(data), (drain) => {
        this.#apply({ type: 'drain', drain });
        this.#emitter.emit(event, drain);
      });
    // Reserved events of a later server are ignored (PROTOCOL.md 6.7).
    else if (!isReserved(event)) this.#emitter.emit(event, data, envelope);
  }

  #use<T>(data: ParseResult<T>, use: (value: T) => void): void {
    if (data.ok) use(data.value);
    else this.#unusable(data.error.message);
  }

  /** Brings a fresh token (PROTOCOL.md 9.2 to 9.4), and if that fails, tries again in half of the time that is left. */
  async #refresh(expiresInMs: number): Promise<void> {
    const { token: provider, requestTimeoutMs, ports } = this.#settings;
    const expiresAt = ports.clock.now() + expiresInMs;
    try {
      const token = await provider?.();
      if (token === undefined || this.#isOver) return;
      const id = this.#requests.nextId();
      this.#control(ReservedEvent.refresh, { token }, id);
      const request = this.#requests.open(id, {}, requestTimeoutMs);
      request.isSent = true;
      await request.promise;
      this.#token = token;
    } catch (error) {
      if (this.#isOver) return;
      this.#emitter.emit('$error', error instanceof HoldfastError ? error : tokenProviderFailed(error));
      const halfMs = (expiresAt - ports.clock.now()) / 2;
      ports.clock.cancel(this.#timer);
      if (halfMs < shortestWaitMs) return;
      this.#timer = ports.clock.schedule(() => void this.#refresh(halfMs), halfMs);
    }
  }

  /** PROTOCOL.md 7.6; before the welcome 6.2. */
  #unusable(reason: string): void {
    if (this.welcome) this.#emitter.emit('$error', new HoldfastError('MALFORMED_FRAME', reason));
    else this.#refuse(reason);
  }

  /** PROTOCOL.md 6.2: what is on the other side is no server of ours. */
  #refuse(reason: string): void {
    this.#end({ cause: 'protocol', code: protocolError, reason });
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    const wokenUp = this.#liveness?.isProbing;
    this.close(ending.code, ending.cause === 'silence' || ending.cause === 'timeout');
    this.#apply({ type: 'ended', ending: { ...ending, token: this.#token, wokenUp } });
  }
}
