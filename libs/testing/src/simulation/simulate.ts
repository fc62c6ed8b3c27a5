import { MemoryBackplane, type Position, type Random, type RoomPolicy } from '@holdfast/backplane';
import { type BackplaneFaults, noFaults } from '../backplane/backplane-faults.js';
import { MemoryEngine } from '../backplane/memory-engine.js';
import { ManualClock } from '../manual-clock.js';
import { seededRandom } from '../seeded-random.js';
import { show, showFrame, type SimRoom, Violation } from './check-stream.js';
import { SimClient } from './sim-client.js';
import { SimConnection, type SimNetwork, type SimReceiver } from './sim-connection.js';
import type { SimFrame } from './sim-frame.js';
import { SimNode } from './sim-node.js';
import { SimPublisher } from './sim-publisher.js';
import type { SimStep } from './sim-schedule.js';
import { textOf, Truth } from './truth.js';

const nodeCount = 3;
const clientCount = 5;
const outboxFrames = 8;
/** Long enough for every retry and two rounds of position checks. */
const quietMs = 900;
/** Turns of promises per instant: what one event leads to without waiting happens at its instant. */
const turnsPerInstant = 12;

/** A way to the engine that loses, repeats and swaps. */
const faults: BackplaneFaults = {
  ...{ loseDelivery: 0.1, repeatDelivery: 0.1, swapDelivery: 0.2 },
  ...{ loseReply: 0.03, refuse: 0.03, delayMs: 6 },
};

/** One that loses nothing. */
const losslessFaults: BackplaneFaults = { ...faults, loseDelivery: 0, loseReply: 0, refuse: 0 };

/** What happened in a run, and what should not have happened. */
export interface SimulationRun {
  readonly violation: string | undefined;
  readonly published: number;
  readonly delivered: number;
  readonly forks: number;
}

export interface SimulateOptions {
  /** Nothing is lost but with a connection, and the engine keeps its data: so nobody needs position checks. */
  readonly isLossless?: boolean;
  /** Gets a line for everything that happens, for a person who looks for the cause of a violation. */
  readonly trace?: (line: string) => void;
}

/** Rooms of all kinds under one seed. */
class Simulation implements SimNetwork, SimReceiver {
  readonly #isLossless: boolean;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #clock = new ManualClock();
  readonly #random;
  readonly #engine;
  readonly #rooms: readonly SimRoom[];
  readonly #nodes: SimNode[] = [];
  readonly #clients: readonly SimClient[];
  readonly #publisher = new SimPublisher();
  #violation: Violation | undefined;
  #nodesMade = 0;
  #forks = 0;

  constructor(seed: number, { isLossless = false, trace }: SimulateOptions) {
    this.#isLossless = isLossless;
    this.#trace = trace;
    this.#random = seededRandom(seed ^ 0x5eed);
    this.#engine = new MemoryEngine({ clock: this.#clock, random: this.#random });
    this.#rooms = roomsOf(this.#random);
    this.#clients = Array.from({ length: clientCount }, (_, index) => new SimClient(`client ${index}`));
  }

  async run(steps: readonly SimStep[]): Promise<SimulationRun> {
    this.#observe();
    while (this.#nodes.length < nodeCount) this.#addNode();
    for (const client of this.#clients) {
      for (const room of this.#rooms) if (this.#random.next() < 0.8) client.wanted.add(room);
      this.#connect(client);
    }
    for (const step of steps) {
      await this.#pass(step.afterMs);
      this.#note(() => `${step.action} ${step.pick.toFixed(3)} ${step.amount.toFixed(3)}`);
      this.#guarded(() => this.#take(step));
      if (this.#violation) break;
    }
    await this.#comeToRest();
    this.#guarded(() => this.#checkRest());
    for (const node of this.#nodes) node.crash();
    return {
      violation: this.#violation?.message,
      published: this.#publisher.published,
      delivered: this.#clients.reduce((sum, { delivered }) => sum + delivered, 0),
      forks: this.#forks,
    };
  }

  received(connection: SimConnection, frame: SimFrame): void {
    const client = this.#clients.find(({ connections }) => connections.includes(connection));
    this.#note(() => `${client?.name} gets ${showFrame(frame)}`);
    client?.received(connection, frame);
  }

  now(): number {
    return this.#clock.now();
  }

  schedule(task: () => void, delayMs: number): void {
    this.#clock.schedule(() => this.#guarded(task), delayMs);
  }

  latencyMs(): number {
    return this.#random.next() * 8;
  }

  /** A node without faults, which is told of everything at the moment it is stored. */
  #observe(): void {
    const observer = new MemoryBackplane(this.#engine.broker);
    const rooms = new Map(this.#rooms.map((room) => [room.name, room]));
    void observer.start('observer', {
      publication: (publication) => {
        this.#note(() => `stored ${publication.room} ${show(publication)} ${textOf(publication.item)}`);
        if (publication.epoch !== '') rooms.get(publication.room)?.truth.stored(publication);
      },
      command: () => undefined,
      interrupted: () => undefined,
      resumed: () => undefined,
    });
    void observer.watch([...rooms.keys()]);
  }

  #addNode(): void {
    const policies = new Map(this.#rooms.map(({ name, policy }) => [name, policy]));
    const policyOf = (room: string): RoomPolicy => policies.get(room) as RoomPolicy;
    const name = `node${this.#nodesMade++}`;
    const node = new SimNode(name, this.#engine.broker, this.#clock, this.#random, policyOf);
    Object.assign(node.backplane.faults, this.#isLossless ? losslessFaults : faults);
    this.#nodes.push(node);
  }

  #take({ action, pick, amount }: SimStep): void {
    const client = pickOf(this.#clients, pick);
    const node = pickOf(this.#nodes, pick);
    const room = pickOf(this.#rooms, amount);
    if (this.#isLossless && (action === 'fork' || action === 'empty')) return;
    switch (action) {
      case 'publish':
        return this.#publish(node, pickOf(this.#rooms, (pick * 7) % 1), amount);
      case 'cut':
        client.disconnect(amount * 40);
        return this.schedule(() => this.#connect(client), amount * 120);
      case 'move':
        return this.#move(client, amount);
      case 'stall':
        return client.connections.forEach((connection) => connection.stall(30 + amount * 200));
      case 'toggle':
        return this.#toggle(client, room);
      case 'fork':
        return this.#fork(room, Math.floor(pick * 6));
      case 'empty':
        for (const { truth } of this.#rooms) truth.emptied();
        return this.#engine.empty();
      case 'interrupt':
        node.backplane.cut();
        return this.schedule(() => node.backplane.mend(), amount * 100);
      case 'pause':
        node.backplane.pause();
        return this.schedule(() => node.backplane.unpause(), amount * 150);
      case 'crash':
        return this.#crash(node, amount);
    }
  }

  #publish(node: SimNode, room: SimRoom, amount: number): void {
    const isKeyed = amount < 0.1;
    for (let count = Math.ceil(amount * 4); count > 0; count--) {
      const key = isKeyed ? `key ${Math.floor(amount * 100)}` : undefined;
      this.#publisher.publish(node, room, key, (violation) => (this.#violation ??= violation));
    }
  }

  #connect(client: SimClient): void {
    if (client.connections.length > 0) return;
    const node = pickOf(this.#nodes, this.#random.next());
    const connection = new SimConnection(node.hub, this, this, outboxFrames);
    client.connections.push(connection);
    // What it presents is what it has at the moment it connects.
    const presented = [...client.wanted].map((room) => [room, client.positionIn(room)] as const);
    this.schedule(() => {
      for (const [room, since] of presented) {
        const isNeeded = client.wanted.has(room) && !connection.subscriptions.has(room.name);
        if (isNeeded) connection.join(room.name, since);
      }
    }, this.latencyMs());
  }

  /** Make before break. */
  #move(client: SimClient, amount: number): void {
    const [old, another] = client.connections;
    if (!old || another) return;
    client.connections.length = 0;
    this.#connect(client);
    client.connections.unshift(old);
    this.schedule(() => {
      if (client.connections[0] !== old) return;
      client.connections.shift();
      old.cut(0);
    }, 20 + amount * 100);
  }

  #toggle(client: SimClient, room: SimRoom): void {
    if (client.wanted.delete(room)) {
      client.forget(room);
      for (const connection of client.connections) connection.leave(room.name);
    } else {
      client.wanted.add(room);
      client.connections.at(-1)?.join(room.name, null);
    }
  }

  #fork(room: SimRoom, lost: number): void {
    const before = this.#topOf(room.name);
    this.#engine.fork(room.name, lost);
    const after = this.#topOf(room.name);
    if (!before || !after) return;
    room.truth.forked(before, after);
    this.#forks++;
  }

  #crash(node: SimNode, amount: number): void {
    if (this.#nodes.length === 1) return;
    node.crash();
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
    for (const client of this.#clients) {
      if (!client.connections.some(({ hub }) => hub === node.hub)) continue;
      client.disconnect(0);
      this.schedule(() => this.#connect(client), 10 + amount * 60);
    }
    this.schedule(() => this.#addNode(), amount * 80);
  }

  async #comeToRest(): Promise<void> {
    for (const { backplane } of this.#nodes) Object.assign(backplane.faults, noFaults);
    await this.#pass(quietMs);
  }

  /** Everybody is in every room that it wants to be in, live, and at the top. */
  #checkRest(): void {
    this.#publisher.check(this.#rooms);
    for (const client of this.#clients) {
      const connection = client.connections.at(-1);
      for (const { name, policy } of client.wanted) {
        const subscription = connection?.subscriptions.get(name);
        if (!subscription?.isLive) throw new Violation(`${client.name} is not live in ${name} at the end`);
        const top = policy.history.size > 0 ? this.#topOf(name) : null;
        const told = connection?.told.get(name) ?? null;
        if (show(told) !== show(top)) throw new Violation(`${client.name} ends at ${show(told)} of ${name}: ${show(top)}`);
      }
    }
  }

  #topOf(room: string): Position | null {
    return this.#engine.broker.logs.top(room);
  }

  async #pass(ms: number): Promise<void> {
    let isOver = false;
    this.#clock.schedule(() => (isOver = true), ms);
    while (!isOver && !this.#violation) {
      this.#clock.advanceToNext();
      for (let turn = 0; turn < turnsPerInstant; turn++) await undefined;
    }
  }

  #note(line: () => string): void {
    this.#trace?.(`${this.#clock.now().toFixed(1)} ms ${line()}`);
  }

  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      // What breaks down breaks the promise, too.
      this.#violation ??= error instanceof Violation ? error : new Violation(String((error as Error).stack));
    }
  }
}

/** One of each kind of log, and one that is different. */
function roomsOf(random: Random): SimRoom[] {
  const size = 3 + Math.floor(random.next() * 40);
  const other = pickOf([0, 1, 1_000], random.next());
  const sizes = { 'a log': size, 'a long log': 1_000, another: other };
  return Object.entries(sizes).map(([name, items]) => {
    const policy: RoomPolicy = {
      history: { size: items, ttlMs: 1e9 },
      slow: random.next() < 0.3 ? 'skip' : 'catch-up',
      maxRecovered: random.next() < 0.3 ? 10 : Infinity,
    };
    return { name, policy, truth: new Truth(items) };
  });
}

function pickOf<T>(items: readonly T[], at: number): T {
  // `at` is below 1, and there is at least one.
  return items[Math.floor(at * items.length)] as T;
}

/** Runs a schedule. The same seed and schedule give the same run. */
export function simulate(seed: number, steps: readonly SimStep[], options: SimulateOptions = {}): Promise<SimulationRun> {
  return new Simulation(seed, options).run(steps);
}
