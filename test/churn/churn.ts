import { ConnectedSocket, type OnGatewayConnection, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry, Room, Rooms } from '@holdfast/gateway';
import { type HoldfastTestApp, seededRandom } from '@holdfast/testing';
import type { Browser } from 'playwright-core';
import { boot } from '../support/boot.js';
import { launchChromium } from '../support/chromium.js';
import { Logs } from './logs.js';
import { Tab, TabController } from './tab.js';
import { User } from './user.js';

/** Rooms that clients join, and rooms that only the server joins clients to; with long and with short histories. */
const names = ['open/1', 'open/2', 'mine/1', 'mine/2', 'short/1'];
const historyOf = (room: string): number => (room.startsWith('short/') ? 5 : 1_000_000);

/** Makes the check fail, to show that it can: no sessions, or no recovery. */
export type Sabotage = 'forget' | 'lose';

export interface ChurnOptions {
  readonly users: number;
  readonly steps: number;
  /** Tabs of Chromium that reload. Default none. */
  readonly tabs?: number;
  readonly sabotage?: Sabotage;
}

export interface ChurnResult {
  /** What must not be, the first one first. */
  readonly faults: readonly string[];
  readonly delivered: number;
  readonly cuts: number;
  /** Sessions that were handed over to another client. */
  readonly handovers: number;
  readonly gaps: number;
  readonly reloads: number;
}

@WebSocketGateway({ path: '/' })
class ChurnGateway implements OnGatewayConnection {
  /** Users that no room lets in. */
  readonly banned = new Set<string>();
  /** Rooms that the hook joins, by user. */
  readonly hooked = new Map<string, string>();

  async handleConnection(connection: Connection): Promise<void> {
    const room = this.hooked.get(nameOf(connection));
    if (room) await connection.join(room);
  }

  @Room('open/:id')
  mayJoin(@ConnectedSocket() connection: Connection): boolean {
    return !this.banned.has(nameOf(connection));
  }

  @Room('short/:id')
  mayLook(@ConnectedSocket() connection: Connection): boolean {
    return this.mayJoin(connection);
  }
}

function nameOf({ handshake }: Connection): string {
  return handshake.query.get('name') ?? '';
}

/**
 * Lets users join, leave, lose their connections, hand their sessions over, and not read, while others publish; then
 * compares all that was delivered with what was published. The seed draws what happens; when sockets are read is up to
 * the machine.
 */
export async function churn(seed: number, options: ChurnOptions): Promise<ChurnResult> {
  const { sabotage } = options;
  const policy = {
    history: { size: 1_000_000, maxBytes: 100_000_000 },
    maxRecovered: sabotage === 'lose' ? 0 : Infinity,
  };
  const app = await boot({
    options: {
      rooms: [
        ...['open/:id', 'mine/:id'].map((pattern) => ({ pattern, ...policy })),
        { pattern: 'short/:id', history: { size: 5 } },
      ],
      roomLimits: { joinsPerSecond: Infinity, publicationBytes: 32_768 },
      sessions: { resumableMs: sabotage === 'forget' ? 0 : 120_000 },
      admission: { handshakeRate: { limit: Infinity, windowMs: 1_000 }, maxConnectionsPerIp: 10_000 },
      outbox: { highWaterBytes: 32_768, lowWaterBytes: 8_192 },
    },
    providers: [ChurnGateway],
    controllers: [TabController],
  });
  const browser = options.tabs ? await launchChromium() : undefined;
  const world = new World(app, seed, options);
  try {
    if (browser) await world.openTabs(browser, options.tabs ?? 0);
    for (let step = 0; step < options.steps && world.faults.length === 0; step++) await world.step();
    await world.settle();
    return world.result;
  } finally {
    world.close();
    await browser?.close();
    await app.close();
  }
}

class World {
  readonly faults: string[] = [];
  readonly #users: User[] = [];
  readonly #retired: User[] = [];
  readonly #tabs: Tab[] = [];
  readonly #logs = new Logs(historyOf);
  readonly #rooms: Rooms;
  readonly #registry: ConnectionRegistry;
  readonly #gateway: ChurnGateway;
  readonly #random: { next(): number };
  #published = 0;
  #cuts = 0;
  #handovers = 0;

  constructor(
    private readonly app: HoldfastTestApp,
    seed: number,
    options: ChurnOptions,
  ) {
    this.#rooms = app.app.get(Rooms);
    this.#registry = app.app.get(ConnectionRegistry);
    this.#gateway = app.app.get(ChurnGateway);
    this.#random = seededRandom(seed);
    for (let n = 0; n < options.users; n++) this.#users.push(this.#newUser(`user-${n}`));
  }

  get result(): ChurnResult {
    const users = [...this.#users, ...this.#retired];
    return {
      faults: this.faults,
      delivered: sum([...users, ...this.#tabs].map(({ delivered }) => delivered)),
      gaps: sum(users.map(({ gaps }) => gaps)),
      reloads: sum(this.#tabs.map(({ reloads }) => reloads)),
      cuts: this.#cuts,
      handovers: this.#handovers,
    };
  }

  async openTabs(browser: Browser, count: number): Promise<void> {
    const found = (fault: string): unknown => this.faults.push(fault);
    const rooms = names.filter((name) => name.startsWith('open/'));
    for (let n = 0; n < count; n++) {
      this.#tabs.push(await Tab.open(browser, this.app.httpUrl('/tab'), `tab-${n}`, rooms, this.#logs, found));
    }
  }

  async step(): Promise<void> {
    const chance = this.#random.next();
    if (this.#tabs.length > 0 && this.#random.next() < 0.005) this.#pick(this.#tabs).reload();
    const user = this.#pick(this.#users);
    if (chance < 0.6) await this.#publish(user);
    else if (chance < 0.7) this.#cut(user);
    else if (chance < 0.76) this.#join(user);
    else if (chance < 0.8) await this.#joinByServer(user);
    else if (chance < 0.84) this.#leave(user);
    else if (chance < 0.87) this.#handOver(user);
    else if (chance < 0.9) user.stopReading();
    else if (chance < 0.94) user.readAgain();
    else if (chance < 0.96) this.#toggle(user);
    else await this.#turns();
  }

  /** Nothing happens any more: everybody has to come as far as the logs. */
  async settle(): Promise<void> {
    this.#gateway.banned.clear();
    const deadline = performance.now() + 20_000;
    const isDone = async (): Promise<boolean> => {
      for (const tab of this.#tabs) if (!(await tab.isUpToDate())) return false;
      return this.#users.every((user) => user.client.state === 'open' && user.isUpToDate);
    };
    while (!(await isDone()) && this.faults.length === 0) {
      for (const user of this.#users) user.readAgain();
      if (performance.now() > deadline) {
        for (const user of this.#users.filter(({ isUpToDate }) => !isUpToDate)) {
          this.faults.push(`${user.name} is not up to date: ${user.client.state}, ${user.states}`);
        }
        this.faults.push(`the logs end at ${names.map((room) => `${room} ${this.#logs.top(room)}`).join(', ')}`);
      }
      await this.#turns();
    }
    for (const tab of this.#tabs) await tab.check();
    if (this.faults.length > 0) return;
    for (const { name, expected, client } of this.#users) {
      // Those of the other rooms may have been banned in between.
      const missing = [...expected].filter((room) => room.startsWith('mine/') && client.room(room).state !== 'joined');
      if (missing.length > 0)
        this.faults.push(`${name} is not in ${missing.join(', ')}, where the server had joined it`);
    }
  }

  close(): void {
    for (const user of [...this.#users, ...this.#retired]) user[Symbol.dispose]();
  }

  async #publish(user: User): Promise<void> {
    const room = this.#pick(names);
    const except = this.#random.next() < 0.1 ? this.#connectionOf(user) : undefined;
    // Some fill the socket of one who does not read.
    const data = `${++this.#published} ${'x'.repeat(this.#random.next() < 0.1 ? 20_000 : 10)}`;
    // Known before it is delivered: the next one of this room, as nobody else publishes.
    const offset = this.#logs.top(room) + 1;
    this.#logs.add(room, offset, { data, except: except && user.name });
    const target = this.#rooms.to(room);
    const position = await (except ? target.except(except) : target).emit('said', data);
    if (position?.offset !== offset)
      this.faults.push(`${room} has stored ${position?.offset ?? '-'}, and not ${offset}`);
  }

  #cut(user: User): void {
    const connection = this.#connectionOf(user);
    if (!connection) return;
    connection.terminate();
    this.#cuts++;
  }

  #join(user: User): void {
    const room = this.#pick(names.filter((name) => !name.startsWith('mine/')));
    user.client
      .room(room)
      .join()
      .catch(() => undefined);
  }

  async #joinByServer(user: User): Promise<void> {
    if (this.#random.next() < 0.3) this.#gateway.hooked.set(user.name, this.#pick(names));
    const room = this.#pick(names);
    const connection = this.#connectionOf(user);
    await connection?.join(room);
    // Unless it has ended meanwhile. A session outlives all that happens to it here.
    if (connection?.rooms.has(room) && !user.unclear.has(room)) user.expected.add(room);
  }

  #leave(user: User): void {
    const room = this.#pick(names);
    user.expected.delete(room);
    // Sent after a join by the server, or before it? Nobody can say.
    if (this.#random.next() < 0.5) {
      user.unclear.add(room);
      user.client.room(room).leave();
    } else {
      this.#connectionOf(user)?.leave(room);
    }
  }

  /** As when a page reloads: the connection of the old page is gone, or the server does not know yet that it is. */
  #handOver(user: User): void {
    const { session } = user.client;
    if (!session) return;
    this.#handovers++;
    if (this.#random.next() < 0.5) this.#cut(user);
    user.vanish();
    const next = this.#newUser(user.name, session);
    // Rooms of clients are joined when the new page asks for them.
    for (const room of user.expected) if (room.startsWith('mine/')) next.expected.add(room);
    for (const room of user.unclear) next.unclear.add(room);
    this.#users.splice(this.#users.indexOf(user), 1, next);
    this.#retired.push(user);
  }

  #toggle(user: User): void {
    const { banned } = this.#gateway;
    if (!banned.delete(user.name)) banned.add(user.name);
  }

  #newUser(name: string, session?: User['client']['session']): User {
    return new User(this.app.url(), name, names, this.#logs, (fault) => this.faults.push(fault), session);
  }

  #connectionOf({ client }: User): Connection | undefined {
    return client.connectionId === undefined ? undefined : this.#registry.get(client.connectionId);
  }

  /** Sockets are read and timers run. */
  async #turns(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #pick<T>(from: readonly T[]): T {
    // Safe: none of them is empty.
    return from[Math.floor(this.#random.next() * from.length)] as T;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
