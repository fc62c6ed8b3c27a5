import {
  type CloseCode,
  type Envelope,
  isReserved,
  parseDrain,
  parseRefreshRequest,
  type ParseResult,
  parseServerPing,
  parseWelcome,
  SDK_SUBPROTOCOL_JSON,
  type WelcomeData,
} from '@holdfast/protocol';
import { closeSocket } from './close-socket.js';
import { callSafely, type Emitter } from './emitter.js';
import { errorOf, HoldfastError } from './errors.js';
import { incoming } from './frame.js';
import { Liveness } from './liveness.js';
import type { Ending, Input } from './machine.js';
import type { Settings } from './options.js';
import type { Outgoing } from './outbox.js';
import { onHttpRefusal } from './http-refusal.js';
import type { TimerHandle, WebSocketLike } from './ports.js';
import type { Requests } from './requests.js';
import type { ReservedName } from './reserved-name.js';
import type { RoomsPart } from './rooms-port.js';
import { takeToken } from './token.js';
import { TokenRefresh } from './token-refresh.js';

const openState: WebSocket['OPEN'] = 1;
// By type only, as in machine.ts.
const normal: (typeof CloseCode)['NORMAL'] = 1000;
const protocolError: (typeof CloseCode)['PROTOCOL_ERROR'] = 1002;
const abnormal: (typeof CloseCode)['ABNORMAL'] = 1006;
const heartbeatLost: (typeof CloseCode)['HEARTBEAT_LOST'] = 4504;

/** One attempt and the connection it leads to: token, socket, `$hello`, `$welcome` and reserved events. */
export class Link {
  welcome: WelcomeData | undefined;
  readonly #settings: Settings;
  readonly #emitter: Emitter;
  readonly #requests: Requests;
  readonly #rooms: RoomsPart | undefined;
  readonly #apply: (input: Input) => void;
  readonly #refresh: TokenRefresh;
  /** The one that was sent last. */
  #token: string | undefined;
  #socket: WebSocketLike | undefined;
  #liveness: Liveness | undefined;
  /** Ends the attempt when there is no welcome in time. */
  #timer: TimerHandle;
  /** As the server said last. */
  #windowMs: number | undefined;
  #isOver = false;
  /** Another connection has taken the place of this one. */
  #isRetired = false;
  /** What the last frame was, if that was an error: it explains the close that follows. */
  #lastError: HoldfastError | undefined;

  /** @param apply - told of `welcome`, `drain`, and once of `ended`, unless {@link close} was called before. */
  constructor(
    settings: Settings,
    emitter: Emitter,
    requests: Requests,
    rooms: RoomsPart | undefined,
    apply: (input: Input) => void,
  ) {
    this.#rooms = rooms;
    this.#settings = settings;
    this.#emitter = emitter;
    this.#requests = requests;
    this.#apply = apply;
    this.#refresh = new TokenRefresh(settings, requests, {
      isBlocked: () => this.bufferedAmount > 0,
      offer: (token, id) => this.#control('$refresh', { token }, id),
      accepted: (token) => (this.#token = token),
      failed: (error) => this.#emitter.emit('$error', error),
    });
  }

  /** @param refused - how a token was refused that is not worth another attempt. */
  start(refused?: Ending): void {
    const { connectTimeoutMs, token, ports } = this.#settings;
    const late: Ending = { cause: 'timeout', reason: `no welcome within ${connectTimeoutMs} ms` };
    this.#timer = ports.clock.schedule(() => this.#end(late), connectTimeoutMs);
    if (!token) this.#dial();
    else {
      takeToken(token).then(
        (fresh) => {
          this.#token = fresh;
          if (!fresh || fresh !== refused?.token) this.#dial();
          else this.#end({ ...refused, reason: 'the token provider gave the refused token again' });
        },
        // Safe: it rejects with nothing else.
        (error: unknown) => this.#end({ cause: 'token', error: error as HoldfastError }),
      );
    }
  }

  get isWritable(): boolean {
    return this.welcome !== undefined && this.#socket?.readyState === openState;
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends what the server takes; what is larger would end the connection (PROTOCOL.md 12.1). */
  send({ text, bytes, request }: Outgoing): HoldfastError | undefined {
    const maxPayloadBytes = this.welcome?.limits.maxPayloadBytes ?? 0;
    if (bytes > maxPayloadBytes) {
      const message = `The server takes ${maxPayloadBytes} bytes, not ${bytes}`;
      return new HoldfastError('PAYLOAD_TOO_LARGE', message);
    }
    if (request) request.sentOn = this;
    this.#socket?.send(text);
    return undefined;
  }

  /** Another connection has taken the place of this one, which still answers what was sent on it. */
  retire(): void {
    this.#isRetired = true;
    this.#refresh.stop();
  }

  /** Nothing more is needed of it: the server closes it (PROTOCOL.md 10.10). */
  moved(): void {
    if (!this.#isOver) this.#control('$moved');
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
    this.#refresh.stop();
    this.#liveness?.stop();
    if (this.#socket) closeSocket(this.#socket, clock, code, isDead);
  }

  #dial(): void {
    if (this.#isOver) return;
    const { WebSocket, url } = this.#settings;
    try {
      const socket = new WebSocket(url, [SDK_SUBPROTOCOL_JSON]);
      this.#socket = socket;
      let problem: string | undefined;
      socket.onopen = () => this.#hello(socket.protocol);
      socket.onmessage = ({ data }: { data: unknown }) => callSafely(() => this.#receive(data));
      // Outside of browsers it says what is wrong.
      socket.onerror = ({ message }: { message?: string }) => {
        problem = message;
      };
      socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
        if (code === abnormal) this.#broken(reason || problem);
        else this.#end({ cause: 'server', code, reason, error: this.#lastError });
      };
      onHttpRefusal(socket, (reason, error) => this.#broken(reason, error));
    } catch (error) {
      // Such as for an address that the policy of the page forbids.
      this.#broken(callSafely(() => String(error)));
    }
  }

  #hello(selected: string): void {
    // JSON leaves out a token that is undefined.
    if (selected === SDK_SUBPROTOCOL_JSON) this.#control('$hello', { token: this.#token, ...this.#rooms?.hello() });
    else this.#refuse('the server selected another subprotocol');
  }

  #control(event: ReservedName, data?: object, id?: number): void {
    this.#socket?.send(JSON.stringify({ event, data, id }));
  }

  #receive(data: unknown): void {
    this.#liveness?.heard();
    this.#lastError = undefined;
    const envelope = incoming(data);
    if (!envelope) this.#unusable('The server sent something that is no frame');
    else if (envelope.event === '$error' && envelope.id === undefined) this.#failed(errorOf(envelope.data));
    else if (this.welcome) this.#handle(envelope);
    else this.#welcomed(envelope);
  }

  #failed(error: HoldfastError): void {
    this.#lastError = error;
    // Before the welcome it is the reason of the refusal, which the change of state tells.
    if (this.welcome) this.#emitter.emit('$error', error);
  }

  #welcomed({ event, data }: Envelope): void {
    const welcome = event === '$welcome' ? parseWelcome(data) : undefined;
    if (!welcome?.ok) {
      this.#refuse(welcome?.error.message ?? 'the first frame of the server is not $welcome');
      return;
    }
    const { clock } = this.#settings.ports;
    clock.cancel(this.#timer);
    this.welcome = welcome.value;
    this.#windowMs = welcome.value.returnWindowMs;
    this.#liveness = new Liveness(
      clock,
      welcome.value.heartbeat,
      () => this.#control('$ping', { n: 0 }),
      () => this.#end({ cause: 'silence', code: heartbeatLost, reason: 'the server is silent' }),
    );
    this.#apply({ type: 'welcome' });
  }

  #handle(envelope: Envelope): void {
    const { event, data, id } = envelope;
    // First, because what follows a `$joined` has to find its position.
    const isOfRoom = this.#rooms?.receive(envelope, this.#isRetired);
    if (id !== undefined) this.#requests.answer(id, envelope);
    else if (event === '$ping')
      this.#use(parseServerPing(data), ({ n, returnWindowMs }) => {
        this.#windowMs = returnWindowMs;
        if (this.bufferedAmount === 0) this.#control('$pong', { n });
      });
    else if (event === '$pong') this.#liveness?.answered();
    else if (event === '$refresh')
      this.#use(parseRefreshRequest(data), ({ expiresInMs }) => this.#refresh.asked(expiresInMs));
    else if (event === '$drain')
      this.#use(parseDrain(data), (drain) => {
        this.#apply({ type: 'drain', drain });
        this.#emitter.emit(event, drain);
      });
    // Reserved events of a later server are ignored (PROTOCOL.md 6.7).
    else if (!isOfRoom && !isReserved(event)) this.#emitter.emit(event, data, envelope);
  }

  #use<T>(data: ParseResult<T>, use: (value: T) => void): void {
    if (data.ok) use(data.value);
    else this.#unusable(data.error.message);
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

  #broken(reason: string | undefined, error?: HoldfastError): void {
    this.#end({ cause: 'network', code: abnormal, reason, error });
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    const wokenUp = this.#liveness?.isProbing;
    // Only a server that does not speak the protocol is there to answer a close.
    this.close(ending.code, ending.cause !== 'protocol');
    this.#apply({ type: 'ended', ending: { ...ending, token: this.#token, wokenUp, windowMs: this.#windowMs } });
  }
}
