import { ReservedEvent, SDK_SUBPROTOCOL_JSON } from '@holdfast/protocol';
import { ManualClock, seededRandom } from '@holdfast/testing';
import { type ClientPorts, createClient, type WebSocketLike } from '../../src/index.js';

/** The server that clients are connected to, or not. */
class FleetServer {
  isThere = true;
  readonly connected = new Set<FleetSocket>();
  /**
   * When attempts to come back reached it: first those that were the first of their client, then the second, and so on.
   */
  readonly landings: number[][] = [];
  readonly #connections = new Map<string, number>();

  constructor(
    readonly clock: ManualClock,
    readonly returnWindowMs: number | undefined,
  ) {}

  /** An attempt reaches it, at an address that only one client uses. */
  land(address: string): void {
    const before = this.#connections.get(address) ?? 0;
    this.#connections.set(address, before + 1);
    if (before > 0) (this.landings[before - 1] ??= []).push(this.clock.now());
  }
}

/** As little as a client needs, so that a hundred thousand fit into a test. Refuses or welcomes in the next moment. */
class FleetSocket implements WebSocketLike {
  readonly protocol = SDK_SUBPROTOCOL_JSON;
  readyState = 0;
  readonly bufferedAmount = 0;
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onerror: WebSocketLike['onerror'] = null;
  onclose: WebSocketLike['onclose'] = null;
  readonly #server: FleetServer;

  constructor(server: FleetServer) {
    this.#server = server;
    server.clock.schedule(() => {
      if (server.isThere) this.#welcome();
      else this.end(1006);
    }, 0);
  }

  send(): void {
    // What clients say to it is of no interest here.
  }

  close(): void {
    this.readyState = 3;
    this.#server.connected.delete(this);
  }

  say(event: string, data: object): void {
    // Safe: the handlers take what the standard gives them, of which this is the part that matters.
    this.onmessage?.({ data: JSON.stringify({ event, data }) } as never);
  }

  end(code: number): void {
    this.readyState = 3;
    this.#server.connected.delete(this);
    this.onclose?.({ code, reason: '' } as never);
  }

  #welcome(): void {
    this.readyState = 1;
    this.#server.connected.add(this);
    this.onopen?.({} as never);
    const heartbeat = { intervalMs: 0, graceMs: 0 };
    const { returnWindowMs } = this.#server;
    const limits = { maxPayloadBytes: 1_000 };
    this.say(ReservedEvent.welcome, { connectionId: 'c', heartbeat, limits, returnWindowMs });
  }
}

export interface Loss {
  /** How many clients. */
  size: number;
  seed: number;
  /** As the server has said it. Default: nothing. */
  returnWindowMs?: number;
  /** Ends one of the connections. */
  lose: (socket: FleetSocket) => void;
  /** Whether there is another server at once. */
  isReplaced: boolean;
  /** How long to watch. */
  forMs: number;
}

/**
 * Connects a fleet of clients as they are shipped, takes their server away from all of them at once, and tells when
 * their attempts to come back reached it: in milliseconds after the loss, the first of each client, the second, and so
 * on.
 */
export function landings({ size, seed, returnWindowMs, lose, isReplaced, forMs }: Loss): readonly number[][] {
  const all: number[][] = [];
  const random = seededRandom(seed);
  // Clients know nothing of each other, so that parts of the fleet may have their loss one after the other: each has a
  // clock of its own that shows the same time, and only one of them is in memory.
  for (let first = 0; first < size; first += partSize) {
    const server = new FleetServer(new ManualClock(), returnWindowMs);
    connect(server, Math.min(partSize, size - first), random);
    const lostAt = server.clock.now();
    server.isThere = isReplaced;
    for (const socket of [...server.connected]) lose(socket);
    server.clock.advance(forMs);
    for (const [attempt, times] of server.landings.entries()) {
      const known = (all[attempt] ??= []);
      for (const time of times) known.push(time - lostAt);
    }
  }
  return all;
}

const partSize = 1_000;

function connect(server: FleetServer, size: number, random: ClientPorts['random']): void {
  const { clock } = server;
  const surroundings: ClientPorts['surroundings'] = { isOnline: () => true, watch: () => () => undefined };
  class WebSocket extends FleetSocket {
    constructor(address: string) {
      super(server);
      server.land(address);
    }
  }
  for (let client = 0; client < size; client++) {
    createClient(`wss://example.test/${client}`, { WebSocket, ports: { clock, random, surroundings } }).connect();
  }
  // Long enough for every connection to count as stable.
  clock.advance(11_000);
  if (server.connected.size !== size) throw new Error(`Of ${size} clients only ${server.connected.size} are connected`);
}

/** The most that are in any span of that length, wherever it begins. */
export function peak(times: readonly number[], spanMs: number): number {
  const sorted = Float64Array.from(times).sort();
  let most = 0;
  let next = 0;
  for (const [first, begin] of sorted.entries()) {
    while (next < sorted.length && (sorted[next] ?? Infinity) < begin + spanMs) next++;
    most = Math.max(most, next - first);
  }
  return most;
}
