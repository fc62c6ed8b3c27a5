import { Duplex } from 'node:stream';
import { Outbox, type OutboxLimits, type OutboxOwner } from '../../src/outbox/outbox.js';

type Done = (error?: Error | null) => void;

/** A socket that takes what is written when the test says so. */
class SlowSocket extends Duplex {
  /** One entry for each write to the operating system, as a socket would make it. */
  readonly writes: string[] = [];
  /** Characters that the peer has read. */
  taken = 0;
  #done: Done | undefined;

  constructor(highWaterMark: number) {
    super({ highWaterMark });
  }

  /** Everything that has left, in order. */
  get sent(): string {
    return this.writes.join('');
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#begin(chunk.toString(), done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: Done): void {
    this.#begin(chunks.map(({ chunk }) => chunk.toString()).join(''), done);
  }

  /** The peer has read what is on its way. @returns whether there was anything. */
  async takeChunk(): Promise<boolean> {
    await tick();
    const done = this.#done;
    this.#done = undefined;
    if (done) this.taken = this.sent.length;
    done?.();
    await tick();
    return done !== undefined;
  }

  async takeAll(): Promise<void> {
    while (await this.takeChunk());
  }

  #begin(text: string, done: Done): void {
    if (text !== '') this.writes.push(text);
    this.#done = done;
  }
}

/** Until everything that was due by `process.nextTick` has run. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What an outbox told its owner. */
class Owner implements OutboxOwner {
  readonly congestions: boolean[] = [];
  overflows = 0;
  refusals = 0;
  drops = 0;
  onOverflow: () => void = () => undefined;

  constructor(private readonly socket: SlowSocket) {}

  transmit(frame: Buffer): void {
    this.socket.write(frame);
  }

  congested(isCongested: boolean): void {
    this.congestions.push(isCongested);
  }

  overflowed(): void {
    this.overflows++;
    this.onOverflow();
  }

  refused(): void {
    this.refusals++;
  }

  dropped(): void {
    this.drops++;
  }
}

/** An outbox whose frames are texts. */
class TextOutbox extends Outbox {
  offerText(text: string): boolean {
    return this.offer(Buffer.from(text));
  }

  answerText(text: string): void {
    this.answer(Buffer.from(text));
  }

  controlText(text: string): void {
    this.control(Buffer.from(text));
  }
}

export interface Bench {
  readonly socket: SlowSocket;
  readonly owner: Owner;
  readonly outbox: TextOutbox;
}

export function bench(limits: Partial<OutboxLimits> = {}, socketMark = 16): Bench {
  const socket = new SlowSocket(socketMark);
  const owner = new Owner(socket);
  const outbox = new TextOutbox(socket, owner, {
    highWaterBytes: 100,
    lowWaterBytes: 20,
    overflow: 'refuse',
    ...limits,
  });
  socket.on('drain', () => {
    outbox.drained();
  });
  return { socket, owner, outbox };
}
