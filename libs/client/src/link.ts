import {
  type CloseCode,
  type DrainData,
  type Envelope,
  parseDrain,
  parseServerPing,
  parseRefreshRequest,
  type ParseResult,
  parseWelcome,
  ReservedEvent,
  SDK_SUBPROTOCOL_JSON,
  type WelcomeData,
} from '@holdfast/protocol';
import { HoldfastError, tokenProviderFailed } from './errors.js';
import { type ClientEvents } from './events.js';
import { incoming } from './frame.js';
import { Liveness } from './liveness.js';
import { type Ending, type Input } from './machine.js';
import { type Settings, type TokenProvider } from './options.js';
import { type TimerHandle, type WebSocketLike } from './ports.js';
import { errorOf } from './requests.js';
import { hangUp } from './socket.js';

const openState: WebSocket['OPEN'] = 1;
// By type only, as in machine.ts.
const normal: (typeof CloseCode)['NORMAL'] = 1000;
const protocolError: (typeof CloseCode)['PROTOCOL_ERROR'] = 1002;
const abnormal: (typeof CloseCode)['ABNORMAL'] = 1006;
const unauthorized: (typeof CloseCode)['UNAUTHORIZED'] = 4401;
const heartbeatLost: (typeof CloseCode)['HEARTBEAT_LOST'] = 4504;

export interface LinkOwner {
  /** `welcome`, `drain`, and once `ended`, unless {@link Link.close} was called before. */
  apply(input: Input): void;
  /** A frame of the application, or an answer. */
  received(envelope: Envelope): void;
  /** The token expires in so many milliseconds. */
  refresh(expiresInMs: number): void;
  tell<K extends keyof ClientEvents>(event: K, data: ClientEvents[K]): void;
}

/** One attempt and the connection it leads to: token, socket, hello, welcome, reserved events, and all timers of these. */
export class Link {
  /** The one that was sent last. */
  token: string | undefined;
  welcome: WelcomeData | undefined;
  readonly #settings: Settings;
  readonly #owner: LinkOwner;
  #socket: WebSocketLike | undefined;
  #liveness: Liveness | undefined;
  #connectTimer: TimerHandle = undefined;
  #isOver = false;
  /** What the last frame was, if that was an error: it explains the close that follows. */
  #lastError: HoldfastError | undefined;
  #pings = 0;

  constructor(settings: Settings, owner: LinkOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  /** @param refusedToken - is not worth another attempt. */
  start(refusedToken: string | undefined): void {
    const { connectTimeoutMs, token, ports } = this.#settings;
    const late: Ending = { cause: 'timeout', reason: `no welcome within ${connectTimeoutMs} ms` };
    this.#connectTimer = ports.clock.schedule(() => this.#end(late), connectTimeoutMs);
    if (token === undefined) this.#dial();
    else void this.#authenticate(token, refusedToken);
  }

  get isWritable(): boolean {
    return this.welcome !== undefined && this.#socket?.readyState === openState;
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(text: string): void {
    if (this.#socket?.readyState === openState) this.#socket.send(text);
  }

  /** The machine or network was away: is the server still there? */
  probe(): void {
    this.#liveness?.probe();
  }

  /** Ends it in good order; the owner hears no more of it. */
  close(): void {
    this.#finish(normal);
  }

  async #authenticate(provider: TokenProvider, refusedToken: string | undefined): Promise<void> {
    try {
      this.token = await provider();
    } catch (cause) {
      this.#end({ cause: 'token', error: tokenProviderFailed(cause) });
      return;
    }
    if (this.token !== undefined && this.token === refusedToken) {
      this.#end({ cause: 'server', code: unauthorized, reason: 'the token provider gave the refused token again' });
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
        const cause = code === abnormal ? 'network' : 'server';
        this.#end({ cause, code, reason: reason || problem, error: this.#lastError });
      };
    } catch (error) {
      // Such as for an address that the policy of the page forbids.
      this.#end({ cause: 'network', code: abnormal, reason: String(error) });
    }
  }

  #hello(selected: string): void {
    // JSON leaves out a token that is undefined.
    if (selected === SDK_SUBPROTOCOL_JSON) this.#control(ReservedEvent.hello, { token: this.token });
    else this.#refuse('the server selected another subprotocol');
  }

  #control(event: string, data: object): void {
    this.send(JSON.stringify({ event, data }));
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
    if (this.welcome) this.#owner.tell('$error', error);
  }

  #welcomed({ event, data }: Envelope): void {
    const welcome = event === ReservedEvent.welcome ? parseWelcome(data) : undefined;
    if (!welcome?.ok) {
      this.#refuse(welcome?.error.message ?? 'the first frame of the server is not $welcome');
      return;
    }
    const { clock } = this.#settings.ports;
    clock.cancel(this.#connectTimer);
    this.welcome = welcome.value;
    this.#liveness = new Liveness(clock, welcome.value.heartbeat, {
      ping: () => this.#control(ReservedEvent.ping, { n: ++this.#pings }),
      dead: () => this.#end({ cause: 'silence', code: heartbeatLost, reason: 'the server is silent' }),
    });
    this.#owner.apply({ type: 'welcome' });
  }

  #handle(envelope: Envelope): void {
    const { event, data, id } = envelope;
    if (event === ReservedEvent.ping)
      this.#use(parseServerPing(data), (ping) => this.#control(ReservedEvent.pong, ping));
    else if (event === ReservedEvent.drain) this.#use(parseDrain(data), (drain) => this.#drained(drain));
    else if (event === ReservedEvent.refresh && id === undefined) {
      this.#use(parseRefreshRequest(data), ({ expiresInMs }) => this.#owner.refresh(expiresInMs));
    } else this.#owner.received(envelope);
  }

  #drained(drain: DrainData): void {
    this.#owner.apply({ type: 'drain', drain });
    this.#owner.tell('$drain', drain);
  }

  #use<T>(data: ParseResult<T>, use: (value: T) => void): void {
    if (data.ok) use(data.value);
    else this.#unusable(data.error.message);
  }

  /** PROTOCOL.md 7.6; before the welcome 6.2. */
  #unusable(reason: string): void {
    if (this.welcome) this.#owner.tell('$error', new HoldfastError('MALFORMED_FRAME', reason));
    else this.#refuse(reason);
  }

  /** PROTOCOL.md 6.2: what is on the other side is no server of ours. */
  #refuse(reason: string): void {
    this.#end({ cause: 'protocol', code: protocolError, reason });
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    const wokenUp = this.#liveness?.isProbing;
    this.#finish(ending.code);
    // Nobody answers a close there; only `ws` waits for it, and can be told not to.
    if (ending.cause === 'silence' || ending.cause === 'timeout') this.#socket?.terminate?.();
    this.#owner.apply({ type: 'ended', ending: { ...ending, wokenUp } });
  }

  #finish(code: number | undefined): void {
    this.#isOver = true;
    if (this.#socket) hangUp(this.#socket, code);
    this.#settings.ports.clock.cancel(this.#connectTimer);
    this.#liveness?.stop();
  }
}
