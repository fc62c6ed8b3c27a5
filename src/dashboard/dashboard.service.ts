import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type Connection, ConnectionRegistry, type ConnectionState, Counters, Rooms } from '@holdfast/gateway';
import { asyncScheduler, concatMap, filter, merge, Observable, type Subscription, throttleTime, timer } from 'rxjs';
import { shortId } from '../short-id.js';

/** A screen holds no more, and a frame of a hundred thousand rows would help nobody. */
const maxRows = 100;

interface DashboardRow {
  readonly id: string;
  readonly who: string | null;
  readonly state: ConnectionState;
  /** How many it is a member of. */
  readonly rooms: number;
  /** Milliseconds; null before the first answered heartbeat. */
  readonly rtt: number | null;
  readonly joinedAt: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

export interface DashboardView {
  readonly at: number;
  readonly total: number;
  /** The first {@link maxRows} connections, oldest first. */
  readonly connections: readonly DashboardRow[];
  /** What happened since boot, keyed `name:label`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** The room of those who watch. */
export const dashboardRoom = 'dashboard';

/** Tells those who are connected to this process, and watch, what goes on in it. Costs nothing while nobody does. */
@Injectable()
export class DashboardService implements OnModuleInit, OnModuleDestroy {
  #publishing?: Subscription;

  constructor(
    private readonly rooms: Rooms<{ view: DashboardView }>,
    private readonly registry: ConnectionRegistry,
    private readonly counters: Counters,
  ) {}

  /** Every second and soon after each change, at most ten times a second however many come and go. */
  onModuleInit(): void {
    this.#publishing = merge(timer(0, 1_000), this.#changes())
      .pipe(
        throttleTime(100, asyncScheduler, { leading: true, trailing: true }),
        filter(() => this.rooms.count(dashboardRoom) > 0),
        // A view that could not be published is replaced by the next one; an error would end them all.
        concatMap(() =>
          this.rooms
            .to(dashboardRoom)
            .emit('view', this.#view(), { local: true })
            .catch(() => undefined),
        ),
      )
      .subscribe();
  }

  onModuleDestroy(): void {
    this.#publishing?.unsubscribe();
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
    for (const connection of this.registry) {
      if (connections.length === maxRows) break;
      connections.push(rowOf(connection));
    }
    return { at: Date.now(), total: this.registry.size, connections, counters: this.counters.snapshot() };
  }
}

function rowOf(connection: Connection): DashboardRow {
  const { rooms, principal, state, rtt, joinedAt, stats } = connection;
  return {
    id: shortId(connection),
    rooms: rooms.size,
    who: principal?.subject ?? null,
    state,
    rtt: rtt ?? null,
    joinedAt,
    messagesIn: stats.messagesIn,
    messagesOut: stats.messagesOut,
  };
}
