import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { Intake, type IntakeOwner, type IntakeParts } from '../intake/index.js';
import type { PauseReason } from './link-facts.js';
import type { LinkMeter } from './link-meter.js';

/** These hold while the close frame of the peer is waited for: a peer that floods goes on doing so after ours. */
const floods: ReadonlySet<PauseReason> = new Set(['byteRate', 'turn']);

/** Reads from the socket of a link while there is no reason not to, and measures what arrives. */
export class Reader {
  readonly #reasons = new Set<PauseReason>();
  /** Connections that never send have none. */
  #intake: Intake | undefined;

  constructor(
    private readonly ws: WebSocket,
    private readonly owner: IntakeOwner,
    private readonly parts: IntakeParts,
    private readonly meter: LinkMeter,
    private isClosing: boolean,
  ) {}

  get isPaused(): boolean {
    return this.#reasons.size > 0;
  }

  arrived(chunk: Buffer, socket: Duplex): void {
    this.#intake ??= new Intake(socket, this.owner, this.parts);
    this.#intake.arrived(chunk);
  }

  pause(reason: PauseReason): void {
    if ((this.isClosing && !floods.has(reason)) || this.#reasons.has(reason)) return;
    const wasPaused = this.isPaused;
    this.#reasons.add(reason);
    this.meter.paused(reason);
    this.#intake?.paused();
    if (!wasPaused) this.ws.pause();
  }

  resume(reason: PauseReason): void {
    if (this.#reasons.delete(reason) && !this.isPaused) this.ws.resume();
  }

  /** A close frame is about to be sent: a socket that is not read would never give the answer of the peer. */
  close(): void {
    this.isClosing = true;
    for (const reason of this.#reasons) if (reason !== 'turn') this.resume(reason);
  }

  /** The peer has broken the protocol. */
  broken(): void {
    this.#intake?.broken();
  }

  ended(): void {
    this.#intake?.ended();
    this.#intake = undefined;
  }
}
