import { CloseCode, errorCodes, type HelloData, ReservedEvent, type SessionData } from '@holdfast/protocol';
import {
  type Arrival,
  bindPrincipal,
  forgetHeaders,
  type HeaderLimits,
  type Reception as ReceptionPort,
} from '../admission/index.js';
import type { LinkedWebSocket } from '../connection/index.js';
import { Conversation, conversationOf, type ConversationParts } from '../dispatch/index.js';
import { HoldfastException } from '../errors/index.js';
import { ConnectHooks, type NestBindings, type Route } from '../gateways/index.js';
import { type BoundedLog, Deadline, inTime, type TimerWheel } from '../ground/index.js';
import { accountFor, labelOf } from '../nest/index.js';
import type { Counters, ReturnWindow, Tracing } from '../telemetry/index.js';
import type { HelloFrames } from './hello.js';
import type { Resumption } from './resumption.js';

export interface ReceptionParts {
  readonly conversations: ConversationParts;
  readonly bindings: NestBindings;
  readonly hello: HelloFrames;
  readonly resumption: Resumption;
  readonly counters: Counters;
  readonly tracing: Tracing;
  readonly returnWindow: ReturnWindow;
  /** How many connections there are. */
  readonly registry: { readonly size: number };
  readonly log: BoundedLog;
  readonly wheel: TimerWheel;
  readonly headerLimits: HeaderLimits;
  /** What `$welcome` says of the heartbeat (PROTOCOL.md 8.5). */
  readonly heartbeat: { readonly intervalMs: number; readonly graceMs: number };
  readonly handshakeTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly helloTimeoutMs: number;
}

const closeCodeOf: ReadonlyMap<string, number | undefined> = new Map(
  errorCodes.map(({ code, closeCode }) => [code, closeCode]),
);

/** Leads a client from its 101 to its first message. */
export class Reception implements ReceptionPort<Route> {
  constructor(private readonly parts: ReceptionParts) {}

  /** The socket is upgraded. Plain clients have passed the guards; SDK clients say who they are now. */
  receive(arrival: Arrival<Route>, ws: LinkedWebSocket): void {
    const { link, destination } = arrival;
    const { conversations, hello, helloTimeoutMs } = this.parts;
    link.attach(ws, new Conversation(conversations, link, destination.handlers));
    // An observer may have closed it.
    if (link.isEnding) return;
    if (link.isAdmitted) this.#admit(arrival);
    else hello.expect(link, helloTimeoutMs, (greeting) => void this.#greeted(arrival, greeting));
  }

  async #greeted(arrival: Arrival<Route>, hello: HelloData): Promise<void> {
    const { link } = arrival;
    let session: SessionData | undefined;
    try {
      if (hello.token !== undefined) link.connection.credentials = hello.token;
      // Without this, a client with an unusable token would be admitted without an identity (PROTOCOL.md 2.5).
      else if (arrival.unusableToken !== undefined) throw new HoldfastException('UNAUTHORIZED', arrival.unusableToken);
      const deciding = this.#decide(arrival);
      if (deciding) await deciding;
      if (hello.session !== undefined) session = await this.parts.resumption.begin(link, hello);
      // After the claim, because a connection takes the place of the one whose session it takes over.
      bindPrincipal(link);
    } catch (error) {
      this.#reject(arrival, error);
      return;
    }
    if (link.isEnding) return;
    this.#welcome(arrival, session);
    this.#admit(arrival);
  }

  #decide(arrival: Arrival<Route>): Promise<void> | undefined {
    const { tracing, wheel, handshakeTimeoutMs } = this.parts;
    const deciding = tracing.inContextOf(arrival.link, () => arrival.destination.admit(arrival));
    return (
      deciding &&
      inTime(
        wheel,
        handshakeTimeoutMs,
        deciding,
        () => new HoldfastException('HANDLER_TIMEOUT', 'It was not decided in time whether to admit the client'),
      )
    );
  }

  #welcome({ link, destination }: Arrival<Route>, session: SessionData | undefined): void {
    const data = {
      connectionId: link.connection.id,
      heartbeat: this.parts.heartbeat,
      limits: { maxPayloadBytes: destination.settings.maxPayloadBytes },
      returnWindowMs: this.parts.returnWindow.widthFor(this.parts.registry.size),
      session,
    };
    link.send({ event: ReservedEvent.welcome, data }, 'control');
  }

  /** Before this, it is not a connection of any gateway, and is sent frames of the protocol only. */
  #admit(arrival: Arrival<Route>): void {
    const { link, destination } = arrival;
    const { id, handshake } = link.connection;
    this.parts.counters.add('admitted', handshake.mode);
    this.parts.returnWindow.admitted();
    this.parts.log.debug(
      'connected',
      () => `Connected ${id} from ${handshake.ip} to ${handshake.route} (${handshake.mode})`,
    );
    link.admit();
    if (destination.isDirect) this.#openSafely(arrival);
    else void this.#connect(arrival);
  }

  async #connect(arrival: Arrival<Route>): Promise<void> {
    const { link, destination, request } = arrival;
    const hooks = this.#hooksOf(arrival);
    try {
      this.parts.tracing.inContextOf(link, () => {
        if (request) for (const callback of destination.connectCallbacks) callback(link.connection, request);
      });
      await hooks.done;
    } catch (error) {
      this.#reject(arrival, error);
      return;
    } finally {
      arrival.request = undefined;
    }
    if (!link.isEnding) this.#openSafely(arrival);
  }

  /** What an authenticator of the application gave is looked at here, and what that throws would end the process. */
  #openSafely(arrival: Arrival<Route>): void {
    try {
      this.#open(arrival);
    } catch (error) {
      this.#reject(arrival, error);
    }
  }

  #open(arrival: Arrival<Route>): void {
    const { link } = arrival;
    arrival.request = undefined;
    forgetHeaders(link.connection.handshake, this.parts.headerLimits);
    link.open();
    conversationOf(link.connection).open();
  }

  /** The deadline is not one of the link's: disconnect hooks wait for these hooks also when the client has left. */
  #hooksOf({ link, destination }: Arrival<Route>): ConnectHooks {
    const { wheel, connectTimeoutMs } = this.parts;
    const binding = this.parts.bindings.of(link);
    const hooks = new ConnectHooks(destination.gateways.filter(({ hasConnectionHook }) => hasConnectionHook).length);
    const deadline = new Deadline(() => {
      hooks.giveUp(new HoldfastException('HANDLER_TIMEOUT', 'The connection could not be set up in time'));
    });
    wheel.schedule(deadline, connectTimeoutMs);
    binding.connectHooks = hooks;
    void hooks.settled.then(() => {
      wheel.cancel(deadline);
      binding.connectHooks = undefined;
    });
    return hooks;
  }

  #reject({ link }: Arrival<Route>, error: unknown): void {
    const { data, isFault } = accountFor(error);
    this.parts.counters.add('error', labelOf(data.code));
    if (isFault) {
      this.parts.tracing.inContextOf(link, () => {
        this.parts.log.error('connect', 'A connection could not be set up', error);
      });
    }
    link.send({ event: ReservedEvent.error, data }, 'answer');
    link.close(closeCodeOf.get(data.code) ?? CloseCode.CONNECT_FAILED, data.message);
  }
}
