import { createClient, type HoldfastClient, type RoomsApi } from '@holdfast/client';
import { rooms as roomsModule } from '@holdfast/client/rooms';
import { WebSocket } from 'ws';
import type { ChaosRecord, Told } from './records.js';

/** A client of some rooms, which writes down all that they tell. */
export class Follower {
  readonly client: HoldfastClient & RoomsApi;
  #socket: WebSocket | undefined;

  constructor(
    url: string,
    readonly name: string,
    private readonly rooms: readonly string[],
    private readonly record: (record: ChaosRecord) => void,
  ) {
    const opened = (socket: WebSocket): void => {
      this.#socket = socket;
    };
    class Observed extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols);
        opened(this);
      }
    }
    const backoff = { firstMs: 200, maxMs: 2_000, maxAttempts: 100_000 };
    this.client = createClient(url, { WebSocket: Observed, backoff, rooms: roomsModule() });
    for (const room of rooms) this.#follow(room);
  }

  async join(): Promise<void> {
    this.client.connect();
    await Promise.all(this.rooms.map((room) => this.client.room(room).join()));
  }

  /** Cuts its connection, of which it is told at once. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Whether all of its rooms have come as far as these. */
  hasReached(tops: ReadonlyMap<string, { epoch: string; offset: number }>): boolean {
    return this.rooms.every((name) => {
      const { state, position } = this.client.room(name);
      const top = tops.get(name);
      return state === 'joined' && position?.epoch === top?.epoch && position?.offset === top?.offset;
    });
  }

  get states(): string {
    return this.rooms
      .map((name) => {
        const { state, position } = this.client.room(name);
        return `${name} ${state} ${position?.epoch} ${position?.offset}`;
      })
      .join(', ');
  }

  close(): void {
    this.client.close();
  }

  #follow(name: string): void {
    const room = this.client.room<{ said: string }>(name);
    const tell = (what: Told['what'], more: Partial<Told> = {}): void =>
      this.record({ type: 'told', at: Date.now(), client: this.name, room: name, what, ...more });
    let hasBegun = false;
    let awaySince: number | undefined;
    room.on('$state', (state) => {
      if (state === 'joined' || state === 'recovering') {
        if (!hasBegun) tell('base', room.position);
        hasBegun = true;
      }
      if (state !== 'joined') awaySince ??= hasBegun ? Date.now() : undefined;
      else if (awaySince !== undefined) {
        this.record({ type: 'away', at: awaySince, until: Date.now(), client: this.name, room: name });
        awaySince = undefined;
      }
    });
    room.on('said', (id, { epoch, offset }) => tell('said', { id, ...(epoch !== undefined && { epoch, offset }) }));
    room.on('$unrecovered', ({ reason, position }) => tell('gap', { reason, ...position }));
    room.on('$undone', ({ count }) => tell('undone', { count }));
    room.on('$skipped', ({ count }) => tell('skipped', { count }));
  }
}
