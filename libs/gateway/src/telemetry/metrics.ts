import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import {
  type Attributes,
  type BatchObservableCallback,
  type Histogram,
  type Meter,
  metrics,
  type Observable,
  type ObservableCallback,
} from '@opentelemetry/api';
import { type ConnectionRegistry, linkOf } from '../connection/index.js';
import type { Census } from './census.js';
import type { CounterName, Counters } from './counters.js';
import type { Traffic } from './traffic.js';

export interface MetricSources {
  readonly counters: Counters;
  readonly census: Census;
  readonly traffic: Traffic;
  readonly registry: ConnectionRegistry;
  readonly unfinished: { readonly total: number };
}

/** Rooms of this process. */
export interface RoomFigures {
  readonly rooms: number;
  readonly members: number;
  /** Since boot. */
  readonly deliveries: number;
}

/** Instruments whose values are counted anyway: name, what is counted, and the attribute its label goes by. */
const counted: readonly (readonly [name: string, counter: CounterName, attribute: string, description: string])[] = [
  ['holdfast.admissions', 'admitted', 'holdfast.mode', 'Clients that were admitted'],
  ['holdfast.refusals', 'refused', 'error.type', 'Handshakes that were refused'],
  ['holdfast.violations', 'violation', 'error.type', 'Frames that broke the protocol'],
  ['holdfast.ignored', 'ignored', 'error.type', 'Frames that say nothing to the format of their gateway'],
  ['holdfast.errors', 'error', 'error.type', 'Messages that were answered by an error'],
  ['holdfast.closes', 'closed', 'holdfast.close.name', 'Connections that ended, by cause'],
  ['holdfast.heartbeat.misses', 'missedBeat', 'holdfast.mode', 'Heartbeats that were not answered'],
  [
    'holdfast.late_results',
    'late',
    'messaging.destination.name',
    'Results that came after their request had timed out',
  ],
  ['holdfast.pauses', 'paused', 'holdfast.pause.reason', 'Times a socket was not read for a while'],
  ['holdfast.emit.refusals', 'notTaken', 'error.type', 'Events that were not taken, as `emit` said'],
  ['holdfast.emit.drops', 'dropped', 'error.type', 'Events that were dropped'],
  ['holdfast.rate_limit.unchecked', 'unchecked', 'holdfast.handler', 'Messages that passed because the limiter failed'],
  ['holdfast.sheds', 'shed', 'holdfast.shed.reason', 'Connections that were closed because all of them held too much'],
  ['holdfast.rooms.unrecovered', 'unrecovered', 'holdfast.room.reason', 'Members that did not get all they had missed'],
  [
    'holdfast.rooms.degraded',
    'degraded',
    'holdfast.backplane.code',
    'Members that were told that publications may be late',
  ],
  ['holdfast.rooms.publications', 'published', 'holdfast.room.kind', 'Publications by this process'],
  ['holdfast.rooms.recovered', 'recovered', 'holdfast.room.kind', 'Members that came back and got all they had missed'],
  ['holdfast.sessions', 'session', 'holdfast.session.outcome', 'What became of sessions'],
];

/**
 * Those of the semantic conventions for durations. An SDK's own are made for milliseconds: all would be in the first.
 */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Milliseconds between two looks at the event loop, and so the least that its histogram ever shows. */
const loopResolutionMs = 20;

/**
 * Metrics by the OpenTelemetry API. Everything but the two histograms is read from counts that are kept anyway, when
 * somebody collects. Attributes come from closed sets (codes, routes, events of handlers), so a peer cannot make more.
 */
export class Metrics {
  /** Whether an SDK was registered when the application was made; this API gives nothing to those who come later. */
  readonly isEnabled: boolean;
  readonly #duration: Histogram;
  readonly #roundTrip: Histogram;
  readonly #observed: (() => void)[] = [];
  #loopDelay: IntervalHistogram | undefined;

  constructor(private readonly sources: MetricSources) {
    const meter = metrics.getMeter('@holdfast/gateway');
    this.#duration = meter.createHistogram('holdfast.handler.duration', {
      unit: 's',
      description: "From a message's turn to its answer",
      advice: { explicitBucketBoundaries: secondsBuckets },
    });
    this.#roundTrip = meter.createHistogram('holdfast.heartbeat.rtt', {
      unit: 's',
      description: 'From a heartbeat to its answer',
      advice: { explicitBucketBoundaries: secondsBuckets },
    });
    // The API's stand-in makes one and the same instrument whatever it is asked for.
    this.isEnabled = this.#duration !== this.#roundTrip;
    this.#observe(meter);
  }

  handled(attributes: Attributes, durationMs: number): void {
    this.#duration.record(durationMs / 1000, attributes);
  }

  roundTrip(rttMs: number, mode: string): void {
    this.#roundTrip.record(rttMs / 1000, { 'holdfast.mode': mode });
  }

  dispose(): void {
    for (const forget of this.#observed.splice(0)) forget();
    this.#loopDelay?.disable();
  }

  #observe(meter: Meter): void {
    for (const [name, counter, attribute, description] of counted) {
      this.#watch(meter.createObservableCounter(name, { description }), (result) => {
        for (const [label, value] of this.sources.counters.of(counter)) result.observe(value, { [attribute]: label });
      });
    }
    this.#watch(
      meter.createObservableGauge('holdfast.connections', { description: 'Connections by state and path' }),
      (result) => {
        for (const { route, state, count } of this.sources.census)
          result.observe(count, { 'http.route': route, 'holdfast.state': state });
      },
    );
    this.#watchTraffic(meter);
    this.#watchDepths(meter);
    this.#watchUnfinished(meter);
    this.#watch(
      meter.createObservableGauge('holdfast.eventloop.lag', {
        unit: 's',
        description: 'Delay of the event loop since the last collection',
      }),
      (result) => {
        const delay = this.#measureLoop();
        result.observe(lagOf(delay.percentile(99)), { quantile: '0.99' });
        result.observe(lagOf(delay.max), { quantile: '1' });
        delay.reset();
      },
    );
  }

  #watchTraffic(meter: Meter): void {
    const { traffic } = this.sources;
    this.#watch(
      meter.createObservableCounter('holdfast.messages', { description: 'Messages received and sent' }),
      (result) => {
        result.observe(traffic.messagesIn, { direction: 'in' });
        result.observe(traffic.messagesOut, { direction: 'out' });
      },
    );
    this.#watch(
      meter.createObservableCounter('holdfast.bytes', {
        unit: 'By',
        description: 'Bytes of messages received and sent',
      }),
      (result) => {
        result.observe(traffic.bytesIn, { direction: 'in' });
        result.observe(traffic.bytesOut, { direction: 'out' });
      },
    );
  }

  #watchUnfinished(meter: Meter): void {
    this.#watch(
      meter.createObservableGauge('holdfast.unfinished', {
        unit: 'By',
        description: 'Memory that messages hold which have not arrived whole',
      }),
      (result) => {
        result.observe(this.sources.unfinished.total);
      },
    );
  }

  /** Called once, when there are rooms to look at. */
  watchRooms(look: () => RoomFigures): void {
    const meter = metrics.getMeter('@holdfast/gateway');
    this.#watch(meter.createObservableGauge('holdfast.rooms', { description: 'Rooms with members' }), (result) =>
      result.observe(look().rooms),
    );
    this.#watch(meter.createObservableGauge('holdfast.rooms.members', { description: 'Memberships' }), (result) =>
      result.observe(look().members),
    );
    this.#watch(
      meter.createObservableCounter('holdfast.rooms.deliveries', { description: 'Publications sent to members' }),
      (result) => result.observe(look().deliveries),
    );
  }

  #watchDepths(meter: Meter): void {
    const inbox = meter.createObservableGauge('holdfast.inbox.depth', {
      description: 'Messages that wait for their turn',
    });
    const outbox = meter.createObservableGauge('holdfast.outbox.depth', {
      description: 'Messages that wait for their client',
    });
    const observe: BatchObservableCallback = (result) => {
      let [received, unsent] = [0, 0];
      for (const connection of this.sources.registry) {
        const { receiver, outboxDepth } = linkOf(connection);
        received += receiver?.waiting ?? 0;
        unsent += outboxDepth;
      }
      result.observe(inbox, received);
      result.observe(outbox, unsent);
    };
    meter.addBatchObservableCallback(observe, [inbox, outbox]);
    this.#observed.push(() => {
      meter.removeBatchObservableCallback(observe, [inbox, outbox]);
    });
  }

  /** Without this, an application that was closed would be counted for ever. */
  #watch(instrument: Observable, callback: ObservableCallback): void {
    instrument.addCallback(callback);
    this.#observed.push(() => {
      instrument.removeCallback(callback);
    });
  }

  /** Started by the first collection: where nobody collects there is no need for a timer. */
  #measureLoop(): IntervalHistogram {
    if (!this.#loopDelay) {
      this.#loopDelay = monitorEventLoopDelay({ resolution: loopResolutionMs });
      this.#loopDelay.enable();
    }
    return this.#loopDelay;
  }
}

function lagOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - loopResolutionMs / 1000);
}
