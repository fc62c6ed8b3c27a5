import { type ErrorData, ReservedEvent } from '@holdfast/protocol';
import { type Link, textFrame } from '../connection/index.js';
import {
  type Answered,
  type Answers,
  conversationOf,
  type Invocation,
  type MessageOwner,
  type StreamReply,
} from '../dispatch/index.js';
import { HoldfastException } from '../errors/index.js';
import { Deadline, type TimerWheel, type WheelTask } from '../ground/index.js';
import type { NestCallback } from '../nest/index.js';

/** What a {@link JoinCall} needs of its surroundings. */
export interface JoinCallParts {
  readonly wheel: TimerWheel;
  /** Infinity: no limit. */
  readonly timeoutMs: number;
  /** The handler has not finished in time. */
  readonly timeOut: (invocation: Invocation) => void;
  /** Counts an error, and says what the client is told of it. */
  readonly account: (error: unknown) => ErrorData;
  /** What the client is told when it is not allowed. */
  readonly refuse: (error: ErrorData) => { event: string; data: object };
}

/**
 * One call of a method with `@Room()`. It is not in the queue of the connection's messages: a client that joins rooms
 * need not wait for its other requests. Allowed, it is answered by the `$joined` of the join.
 */
export class JoinCall implements MessageOwner, Answers {
  readonly waiting = 0;
  readonly openStreams = 0;
  /** The client has left the room before it was decided. */
  isWithdrawn = false;
  #deadline: WheelTask | undefined;
  #stream: StreamReply | undefined;

  /**
   * @param allowed - joins. What it throws is answered as an error.
   * @param finished - called once, however it ended.
   */
  constructor(
    readonly link: Link,
    readonly room: string,
    private readonly parts: JoinCallParts,
    private readonly allowed: () => void,
    private readonly finished: () => void,
  ) {}

  get answers(): Answers {
    return this;
  }

  get callbacks(): readonly NestCallback[] | undefined {
    return conversationOf(this.link.connection).callbacks;
  }

  begun(invocation: Invocation): void {
    const { wheel, timeoutMs, timeOut } = this.parts;
    if (this.#deadline || timeoutMs === Infinity) return;
    this.#deadline = new Deadline(() => timeOut(invocation));
    wheel.schedule(this.#deadline, timeoutMs);
  }

  settled(): void {
    if (this.#deadline) this.parts.wheel.cancel(this.#deadline);
    this.finished();
  }

  reply(to: Answered, value: unknown): Buffer | undefined {
    if (this.isWithdrawn) return this.#frame(to, ReservedEvent.left, { room: this.room });
    try {
      if (value === false) throw new HoldfastException('FORBIDDEN', 'You may not join this room');
      this.allowed();
      return undefined;
    } catch (error) {
      return this.error(to, this.parts.account(error));
    }
  }

  acknowledge(to: Answered, value: unknown): Buffer | undefined {
    return this.reply(to, value);
  }

  /** A decision has one value. */
  next(): undefined {
    return undefined;
  }

  end(): undefined {
    return undefined;
  }

  addStream(stream: StreamReply): void {
    this.#stream = stream;
  }

  removeStream(): void {
    this.#stream = undefined;
  }

  /** The connection has ended: nobody waits for the decision any more. */
  abandon(): void {
    if (this.#deadline) this.parts.wheel.cancel(this.#deadline);
    this.#stream?.cancel();
  }

  error(to: Answered, error: ErrorData): Buffer {
    const { event, data } = this.parts.refuse(error);
    return this.#frame(to, event, data);
  }

  #frame({ id }: Answered, event: string, data: object): Buffer {
    return textFrame(JSON.stringify({ event, data, id }));
  }
}
