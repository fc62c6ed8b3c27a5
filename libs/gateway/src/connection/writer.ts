import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { encode, type Envelope } from '@holdfast/protocol';
import { unsupported } from '../errors/index.js';
import type { WireFormat } from '../format/index.js';
import { Outbox, type OutboxLimits, type OutboxOwner } from '../outbox/index.js';
import { dataFrame } from './data-frame.js';
import type { Lane } from './link-facts.js';
import type { LinkMeter } from './link-meter.js';
import { isMessage, payloadBytes, pingFrame, textFrame } from './server-frame.js';

/** Whom a writer works for. */
export interface WriterOwner {
  /** A message is on its way to the socket. */
  transmitted(): void;
  /** The client does not keep up, or does again. */
  congested(isCongested: boolean): void;
  /** Too much waits for the client, and the connection has to end. */
  overflowed(): void;
}

/** Makes frames of what the peer of a link is sent, and gives them to its {@link Outbox}. */
export class Writer implements OutboxOwner {
  readonly #outbox: Outbox;

  constructor(
    private readonly socket: Duplex,
    private readonly ws: WebSocket,
    private readonly owner: WriterOwner,
    private readonly meter: LinkMeter,
    limits: OutboxLimits,
  ) {
    this.#outbox = new Outbox(socket, this, limits);
  }

  /** Messages that wait for the client. */
  get depth(): number {
    return this.#outbox.depth;
  }

  /** Bytes that wait for the client, those in the socket included. */
  get bytes(): number {
    return this.#outbox.bytes;
  }

  /** @returns false when the client does not keep up or has closed, or the envelope cannot be encoded. */
  send(envelope: Envelope, lane: Lane): boolean {
    // Before it is encoded: a client that does not read must not cost that, too.
    if (lane === 'event' && !this.#outbox.hasRoom()) return false;
    const encoded = encode(envelope);
    if (encoded.ok) return this.sendFrame(textFrame(encoded.text), lane);
    this.meter.unencodable(envelope.event, encoded.error.message);
    return false;
  }

  /** @throws HoldfastError `UNSUPPORTED` where the format has no events. */
  sendEvent(format: WireFormat | undefined, event: string, data: unknown): boolean {
    if (!format) return this.send({ event, data }, 'event');
    if (!format.encodeEvent) {
      throw unsupported(`emit() in the format "${format.name}"`, 'it has no events, send frames by send()');
    }
    if (!this.#outbox.hasRoom()) return false;
    try {
      return this.sendFrame(dataFrame(format.encodeEvent(event, data), undefined), 'event');
    } catch (error) {
      this.meter.unencodable(event, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  sendFrame(frame: Buffer, lane: Lane): boolean {
    if (!this.#isWritable) return false;
    if (lane === 'event') return this.#outbox.offer(frame);
    if (lane === 'answer') this.#outbox.answer(frame);
    else this.#outbox.control(frame);
    return true;
  }

  ping(payload: Uint8Array): void {
    this.sendFrame(pingFrame(payload), 'control');
  }

  /** Resolves when all that was taken so far has been given to the operating system, or the connection has ended. */
  flushed(): Promise<void> {
    return this.#outbox.flushed();
  }

  onceEmpty(callback: () => void): void {
    this.#outbox.onceEmpty(callback);
  }

  drained(): void {
    this.#outbox.drained();
  }

  discard(): void {
    this.#outbox.discard();
  }

  transmit(frame: Buffer): void {
    if (!this.#isWritable) return;
    this.socket.write(frame);
    if (!isMessage(frame)) return;
    this.owner.transmitted();
    this.meter.sent(payloadBytes(frame));
  }

  congested(isCongested: boolean): void {
    this.owner.congested(isCongested);
  }

  overflowed(): void {
    this.discard();
    this.owner.overflowed();
  }

  refused(): void {
    this.meter.notTaken();
  }

  dropped(): void {
    this.meter.dropped();
  }

  /** False once a close frame was sent or read: nothing may follow it (RFC 6455 section 5.5.1). */
  get #isWritable(): boolean {
    return this.ws.readyState === WebSocket.OPEN;
  }
}
