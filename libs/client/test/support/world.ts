import { ManualClock, seededRandom } from '@holdfast/testing';
import {
  type ClientOptions,
  type ClientPorts,
  createClient,
  type HoldfastClient,
  HoldfastError,
  type StateChange,
  type Surroundings,
  type WebSocketConstructor,
} from '../../src/index.js';
import { ScriptedSocket } from './scripted-socket.js';

type Watcher = Parameters<Surroundings['watch']>[0];

/** Everything around clients: time, chance, network and servers, which do what the test tells them and nothing else. */
export class World {
  readonly clock = new ManualClock();
  readonly sockets: ScriptedSocket[] = [];
  readonly watchers = new Set<Watcher>();
  isOnline = true;
  /**
   * What the wall clock shows more than it should: a clock that was set, or a machine that slept while its timers stood
   * still.
   */
  wallOffsetMs = 0;
  /** The delays of all timers that were armed. */
  readonly delays: number[] = [];
  readonly ports: ClientPorts;
  readonly WebSocket: WebSocketConstructor;

  constructor(seed = 1) {
    const { clock, sockets, watchers, delays } = this;
    this.ports = {
      random: seededRandom(seed),
      clock: {
        now: () => clock.now(),
        wallNow: () => clock.wallNow() + this.wallOffsetMs,
        schedule: (task, delayMs) => {
          delays.push(delayMs);
          return clock.schedule(task, delayMs);
        },
        cancel: (handle) => clock.cancel(handle),
      },
      surroundings: {
        isOnline: () => this.isOnline,
        watch(watcher) {
          watchers.add(watcher);
          return () => watchers.delete(watcher);
        },
      },
    };
    this.WebSocket = class extends ScriptedSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  client(options: ClientOptions = {}): ClientUnderTest {
    return new ClientUnderTest(this, options);
  }

  /** The newest attempt or connection. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('Nobody has tried to connect');
    return socket;
  }

  /** Those that nobody has ended. */
  get live(): ScriptedSocket[] {
    return this.sockets.filter((socket) => socket.isLive);
  }

  /** The platform says so. */
  happens(what: 'online' | 'wake'): void {
    for (const watcher of this.watchers) watcher(what);
  }
}

/** A client and all that it has told. */
export class ClientUnderTest {
  readonly client: HoldfastClient;
  readonly changes: StateChange[] = [];
  readonly errors: HoldfastError[] = [];

  constructor(
    readonly world: World,
    options: ClientOptions,
  ) {
    this.client = createClient('wss://example.test/chat', {
      WebSocket: world.WebSocket,
      ports: world.ports,
      ...options,
    });
    this.client.on('$state', (change) => this.changes.push(change));
    this.client.on('$error', (error) => this.errors.push(error));
  }

  /** Connected and welcomed. */
  open(welcome?: Parameters<ScriptedSocket['welcome']>[0]): this {
    this.client.connect();
    this.world.socket.welcome(welcome);
    return this;
  }

  get path(): string {
    return this.changes.map(({ to }) => to).join(' ');
  }

  get last(): StateChange {
    const change = this.changes.at(-1);
    if (change === undefined) throw new Error('Nothing has changed yet');
    return change;
  }

  /** Milliseconds until the next attempt, as the client tells it. */
  get waitMs(): number {
    return this.last.nextAttemptAt! - this.world.ports.clock.wallNow();
  }

  /** Lets time pass until the next attempt begins. */
  comeBack(): this {
    this.world.clock.advance(this.waitMs + 1);
    return this;
  }
}

/** Until every promise that can be settled is, and whoever waits for it has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How a request that is answered by now went: its value, or the error. */
export async function outcomeOf(request: Promise<unknown>): Promise<unknown> {
  const open = settled().then(() => 'no answer yet');
  return Promise.race([request.catch((error: unknown) => error), open]);
}

/** The code of the error that a request ended with. */
export async function codeOf(request: Promise<unknown>): Promise<string> {
  const outcome = await outcomeOf(request);
  return outcome instanceof HoldfastError ? outcome.code : `no error but ${String(outcome)}`;
}
