import { Injectable } from '@nestjs/common';
import { type Connection, ConnectionRegistry, type ConnectionState, Counters } from '@holdfast/gateway';
import { asyncScheduler, map, merge, Observable, shareReplay, throttleTime, timer } from 'rxjs';
import { shortId } from '../short-id.js';

/** A screen holds no more, and a frame of a hundred thousand rows would help nobody. */
const maxRows = 100;

interface DashboardRow {
  readonly id: string;
  readonly gateway: string;
  readonly who: string | null;
  readonly state: ConnectionState;
  /** Milliseconds; null before the first answered heartbeat. */
  readonly rtt: number | null;
  readonly joinedAt: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

export interface DashboardView {
  readonly at: number;
  readonly total: number;
  readonly byGateway: Readonly<Record<string, number>>;
  /** The first {@link maxRows} connections, oldest first. */
  readonly connections: readonly DashboardRow[];
  /** What happened since boot, keyed `name:label`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What goes on in this process, as something to subscribe to. Costs nothing while nobody does. */
@Injectable()
export class DashboardService {
  /** Every second and soon after each change, at most ten times a second however many come and go. */
  readonly views: Observable<DashboardView>;

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly counters: Counters,
  ) {
    this.views = merge(timer(0, 1_000), this.#changes()).pipe(
      throttleTime(100, asyncScheduler, { leading: true, trailing: true }),
      map(() => this.#view()),
      // One view for all who watch; a newcomer gets the latest at once.
      shareReplay({ bufferSize: 1, refCount: true }),
    );
  }

  #changes(): Observable<void> {
    return new Observable((subscriber) => {
      const stops = (['joined', 'changed', 'left'] as const).map((event) =>
        this.registry.on(event, () => {
          subscriber.next();
        }),
      );
      return () => {
        for (const stop of stops) stop();
      };
    });
  }

  #view(): DashboardView {
    const connections: DashboardRow[] = [];
    const byGateway: Record<string, number> = {};
    for (const connection of this.registry) {
      const { route } = connection.handshake;
      byGateway[route] = (byGateway[route] ?? 0) + 1;
      if (connections.length < maxRows) connections.push(rowOf(connection));
    }
    const { size: total } = this.registry;
    return { at: Date.now(), total, byGateway, connections, counters: this.counters.snapshot() };
  }
}

function rowOf(connection: Connection): DashboardRow {
  const { handshake, principal, state, rtt, joinedAt, stats } = connection;
  return {
    id: shortId(connection),
    gateway: handshake.route,
    who: principal?.subject ?? null,
    state,
    rtt: rtt ?? null,
    joinedAt,
    messagesIn: stats.messagesIn,
    messagesOut: stats.messagesOut,
  };
}
