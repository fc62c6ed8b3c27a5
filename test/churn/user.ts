import { createClient, type HoldfastClient, type RoomsApi } from '@holdfast/client';
import { type ClientSession, type Room, rooms } from '@holdfast/client/rooms';
import { WebSocket } from 'ws';
import type { Logs } from './logs.js';

/** What one client has of one room. */
interface Following {
  readonly room: Room;
  /** The offset up to which everything was delivered, or told to be missing. Undefined: it is no member yet. */
  reached: number | undefined;
}

/** One client of the application, which compares all that its rooms deliver with the logs. */
export class User implements Disposable {
  readonly client: HoldfastClient & RoomsApi;
  /** How often something was delivered, and told to be missing. */
  delivered = 0;
  gaps = 0;
  /** Rooms that the server has joined it to. */
  readonly expected = new Set<string>();
  /** Rooms of which nobody can say whether it is in them. */
  readonly unclear = new Set<string>();
  readonly #following = new Map<string, Following>();
  #socket: WebSocket | undefined;
  #isGone = false;
  #last = '';

  /**
   * @param names - of all rooms that it may ever be in.
   * @param found - called with what must not be.
   */
  constructor(
    url: string,
    readonly name: string,
    names: readonly string[],
    private readonly logs: Logs,
    private readonly found: (fault: string) => void,
    session?: ClientSession,
  ) {
    const opened = (socket: WebSocket): void => {
      this.#socket = socket;
    };
    const isGone = (): boolean => this.#isGone;
    class Observed extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols);
        opened(this);
      }

      override close(code?: number): void {
        if (!isGone()) super.close(code);
      }
    }
    this.client = createClient(`${url}?name=${name}`, {
      WebSocket: Observed,
      backoff: { firstMs: 5, maxMs: 50, maxAttempts: 10_000 },
      rooms: rooms({ session }),
    });
    this.client.on(
      '$state',
      ({ to, cause, code, reason }) => (this.#last = `${to}: ${cause} ${code ?? ''} ${reason ?? ''}`),
    );
    for (const room of names) this.#follow(room, session?.rooms[room]?.offset);
    this.client.connect();
  }

  /** It reads nothing until {@link readAgain}. */
  stopReading(): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.pause();
  }

  readAgain(): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.resume();
  }

  /** Ends without a close frame, so that the server does not hear of it. */
  vanish(): void {
    this.#isGone = true;
    this.client.close();
  }

  /** Whether all of its rooms have come as far as their logs. */
  get isUpToDate(): boolean {
    return [...this.#following.values()].every(({ room }) => {
      if (room.state === 'left' || room.state === 'refused') return true;
      return room.state === 'joined' && room.position?.offset === this.logs.top(room.name);
    });
  }

  get states(): string {
    const all = [...this.#following.values()];
    return (
      `${this.#last}; ` + all.map(({ room }) => `${room.name} ${room.state} ${room.position?.offset ?? '-'}`).join(', ')
    );
  }

  [Symbol.dispose](): void {
    this.client.close();
  }

  #follow(name: string, from: number | undefined): void {
    const room = this.client.room(name);
    const following: Following = { room, reached: from };
    this.#following.set(name, following);
    room.on('$state', (state) => {
      if (state === 'left' || state === 'refused') following.reached = undefined;
      else if (state !== 'joining') following.reached ??= room.position?.offset;
    });
    room.on('$unrecovered', ({ reason, position }) => {
      this.gaps++;
      const { reached } = following;
      const mayMiss = this.logs.mayMiss(name, reached, position.offset);
      if (reason !== 'session' && !mayMiss)
        this.#fault(name, `missed what is kept: ${reason}, from ${reached ?? '-'} to ${position.offset}`);
      following.reached = position.offset;
    });
    room.on('said', (data, { offset = 0 }) => this.#said(following, data, offset));
  }

  #said(following: Following, data: unknown, offset: number): void {
    this.delivered++;
    const { name } = following.room;
    // Those before its position were told to it by `$joined`.
    const expected = this.logs.next(name, following.reached ?? offset - 1, this.name);
    if (!expected.includes(offset)) {
      this.#fault(name, `delivered ${offset} after ${following.reached ?? '-'}, and not ${expected.join(' or ')}`);
    }
    if (data !== this.logs.dataOf(name, offset)) this.#fault(name, `${offset} is not what was published`);
    following.reached = offset;
  }

  #fault(room: string, what: string): void {
    this.found(`${this.name}, ${room}: ${what}`);
  }
}
