import { CloseCode, parsePing, parsePong, ReservedEvent } from '@holdfast/protocol';
import { type Connection, GatewayFeature, type Link, LinkField } from '../connection/index.js';
import type { FrameReply, ReservedFrame } from '../dispatch/index.js';
import type { Clock, Random, TimerWheel } from '../ground/index.js';
import type { Counters, Metrics } from '../telemetry/index.js';
import { Beat } from './beat.js';
import { hasHeartbeat, type HeartbeatSettings } from './heartbeat-settings.js';

/** What the heartbeat works with. */
export interface HeartbeatParts {
  readonly settings: HeartbeatSettings;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly counters: Counters;
  readonly metrics: Pick<Metrics, 'roundTrip'>;
  /** What `$ping` says of it; undefined: nothing (PROTOCOL.md 10.7). */
  readonly returnWindowMs: () => number | undefined;
}

/**
 * Finds connections whose peer is gone. Each connection is sent a ping once per
 * {@link HeartbeatOptions.intervalMs}; any byte that it sent since the last ping shows that its peer is there. After
 * {@link HeartbeatOptions.missedBeats} pings without a byte it is closed with 4504 `HEARTBEAT_LOST`.
 *
 * Plain clients are sent protocol pings. SDK clients are sent `$ping`, because a frozen page answers protocol pings
 * from its network process for ever (PROTOCOL.md 8). While the event loop of this process is blocked, no ping counts as
 * missed.
 *
 * @publicApi
 */
@GatewayFeature('heartbeat')
// It says nothing of being an observer: what it is called by is not the application's to see.
export class HeartbeatService {
  /** @internal */
  readonly reservedFrames: Readonly<Record<string, ReservedFrame>> = {
    [ReservedEvent.ping]: (reply, data) => {
      const ping = parsePing(data);
      if (ping.ok) reply.link.send({ event: ReservedEvent.pong, data: ping.value }, 'control');
      else reply.violate(ping.error.code, ping.error.message);
    },
    [ReservedEvent.pong]: (reply, data) => {
      this.#answered(reply, data);
    },
  };
  /** Absent where there is no heartbeat, and before `$welcome`. */
  readonly #beats = new LinkField<Beat>('heartbeat');
  readonly #parts: HeartbeatParts;

  /** @internal */
  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /** Milliseconds between two beats. 0: there is no heartbeat. */
  get intervalMs(): number {
    const { settings } = this.#parts;
    return hasHeartbeat(settings) ? settings.intervalMs : 0;
  }

  /**
   * Last measured round trip of a connection in milliseconds, as {@link Connection.rtt} says it; undefined before its
   * first answered beat.
   */
  rttOf(connection: Connection): number | undefined {
    return connection.rtt;
  }

  /** In plain mode from the start; before `$welcome` an SDK client may neither be asked nor answer. @internal */
  admitted(link: Link): void {
    if (!hasHeartbeat(this.#parts.settings)) return;
    const beat = new Beat(link, this);
    this.#beats.set(link, beat);
    // A fleet that reconnected at the same time must not be asked at the same time.
    link.after(beat, this.#parts.settings.intervalMs * this.#parts.random.next());
  }

  /** A plain client answered a ping, or pretends to. @internal */
  ponged(link: Link, payload: Buffer): void {
    if (link.connection.handshake.mode !== 'plain') return;
    const beat = this.#beats.get(link);
    if (beat && payload.toString('latin1') === String(beat.count)) this.#measure(beat);
  }

  /** Called by the beat itself. @internal */
  due(beat: Beat): void {
    const { link } = beat;
    const { settings, counters } = this.#parts;
    // The closing handshake has a deadline of its own.
    if (link.isEnding) return;
    if (showsLife(beat)) {
      beat.missed = 0;
    } else {
      beat.missed++;
      counters.add('missedBeat', link.connection.handshake.mode);
    }
    if (beat.missed >= settings.missedBeats) {
      link.terminate(CloseCode.HEARTBEAT_LOST, `no sign of life for ${beat.missed} heartbeats`);
      return;
    }
    this.#ask(beat);
    link.after(beat, settings.intervalMs);
  }

  /** An SDK client answered `$ping`, or pretends to. */
  #answered(reply: FrameReply, data: unknown): void {
    const pong = parsePong(data);
    if (!pong.ok) {
      reply.violate(pong.error.code, pong.error.message);
      return;
    }
    const beat = this.#beats.get(reply.link);
    if (beat?.count === pong.value.n) this.#measure(beat);
  }

  #ask(beat: Beat): void {
    const { link } = beat;
    beat.count++;
    beat.sentAt = this.#parts.clock.now();
    beat.stalledMs = this.#parts.wheel.stalledMs;
    if (link.connection.handshake.mode === 'plain') link.ping(pingPayload(beat));
    else {
      const data = { n: beat.count, returnWindowMs: this.#parts.returnWindowMs() };
      link.send({ event: ReservedEvent.ping, data }, 'control');
    }
  }

  #measure(beat: Beat): void {
    const { link, sentAt } = beat;
    if (sentAt === undefined) return;
    beat.sentAt = undefined;
    // An answer that waited for our own event loop says nothing about the way.
    if (beat.stalledMs !== this.#parts.wheel.stalledMs) return;
    link.rtt = this.#parts.clock.now() - sentAt;
    this.#parts.metrics.roundTrip(link.rtt, link.connection.handshake.mode);
  }
}

function showsLife(beat: Beat): boolean {
  const { bytesIn, bytesTaken, paused, isCongested } = beat.link;
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

/** A pong repeats it (RFC 6455 section 5.5.3): thus an answer to another ping is told from one to the last. */
function pingPayload({ count }: Beat): Buffer {
  return Buffer.from(String(count), 'latin1');
}
