import { CloseCode } from '@holdfast/protocol';
import type { Session } from '../lifecycle/session.js';
import type { Clock } from '../ground/clock.js';
import type { Random } from '../ground/random.js';
import type { Counters } from '../telemetry/counters.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Beat } from './beat.js';

export interface HeartbeatSettings {
  readonly intervalMs: number;
  readonly missedBeats: number;
}

/** What a client is told of the heartbeat, so that it notices our death by the same rule (PROTOCOL.md 8.5). */
export interface HeartbeatAnnouncement {
  /** 0: there is none. */
  readonly intervalMs: number;
  readonly graceMs: number;
}

/**
 * Notices the dead. Each connection is asked for a sign of life once per interval; any byte it sent since the last
 * beat is one. Plain clients are asked by protocol ping. SDK clients are asked by `$ping`, because a frozen page
 * answers protocol pings from its network process for ever (PROTOCOL.md, heartbeat).
 *
 * All beats run on one timer wheel in active time: while our own event loop stands still nobody misses a beat.
 */
export class HeartbeatService {
  readonly announcement: HeartbeatAnnouncement;
  readonly #enabled: boolean;

  constructor(
    private readonly settings: HeartbeatSettings,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly counters: Counters,
    private readonly metrics: Metrics,
  ) {
    const { intervalMs, missedBeats } = settings;
    this.#enabled = intervalMs > 0 && intervalMs < Infinity;
    // JSON has no Infinity.
    this.announcement = this.#enabled
      ? { intervalMs, graceMs: intervalMs * missedBeats }
      : { intervalMs: 0, graceMs: 0 };
  }

  /** From `$welcome` on; in plain mode from the start. Before that an SDK client may neither be asked nor answer. */
  watch(session: Session): void {
    if (!this.#enabled) return;
    const beat = new Beat(session);
    session.beat = beat;
    // A fleet that came back together must not beat together.
    session.after(beat, this.settings.intervalMs * this.random.next());
  }

  /** Called by the beat itself. */
  due(beat: Beat): void {
    const { session } = beat;
    // The closing handshake has a deadline of its own.
    if (session.isEnding) return;
    if (this.#showsLife(beat)) {
      beat.missed = 0;
    } else {
      beat.missed++;
      this.counters.add('missedBeat', session.connection.handshake.mode);
    }
    if (beat.missed >= this.settings.missedBeats) {
      session.terminate(CloseCode.HEARTBEAT_LOST, `no sign of life for ${beat.missed} heartbeats`);
      return;
    }
    this.#ask(beat);
    session.after(beat, this.settings.intervalMs);
  }

  /** A plain client answered a ping, or says it did. */
  ponged(session: Session, payload: Buffer): void {
    const { beat } = session;
    if (session.connection.handshake.mode === 'plain' && beat && payload.equals(pingPayload(beat))) {
      this.#measure(beat);
    }
  }

  /** An SDK client answered `$ping` number `n`, or says it did. */
  answered(session: Session, n: number): void {
    const { beat } = session;
    if (beat?.count === n) this.#measure(beat);
  }

  #showsLife(beat: Beat): boolean {
    const { bytesIn, bytesTaken, paused, isCongested } = beat.session;
    const hasSpoken = bytesIn !== beat.bytesSeen;
    // All that a peer can do whom we do not read because it does not read: take some of what it was sent.
    const hasTaken = paused && bytesTaken !== beat.bytesTaken;
    // A socket we do not read from for any other reason cannot show signs of life; its silence is ours.
    const isUnheard = paused && !isCongested;
    // So is what is left of a pause. And nobody was asked before the first beat.
    const wasHeard = !isUnheard && !beat.wasPaused && beat.count > 0;
    beat.bytesSeen = bytesIn;
    beat.bytesTaken = bytesTaken;
    beat.wasPaused = isUnheard;
    return hasSpoken || hasTaken || !wasHeard;
  }

  #ask(beat: Beat): void {
    const { session } = beat;
    beat.count++;
    beat.sentAt = this.clock.now();
    beat.stalledMs = session.services.wheel.stalledMs;
    if (session.connection.handshake.mode === 'plain') session.ping(pingPayload(beat));
    else session.send({ event: '$ping', data: { n: beat.count } }, 'control');
  }

  #measure(beat: Beat): void {
    const { session, sentAt } = beat;
    if (sentAt === undefined) return;
    beat.sentAt = undefined;
    // An answer that waited for our own event loop says nothing about the way.
    if (beat.stalledMs !== session.services.wheel.stalledMs) return;
    session.rtt = this.clock.now() - sentAt;
    this.metrics.roundTrip(session.rtt, session.connection.handshake.mode);
  }
}

/** A pong repeats it (RFC 6455 section 5.5.3): thus an answer to another ping is told from one to the last. */
function pingPayload({ count }: Beat): Buffer {
  return Buffer.from(String(count));
}
