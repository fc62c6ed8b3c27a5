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
import { textOf, Truth } from './truth.js';

const nodeCount = 3;
const clientCount = 5;
const outboxFrames = 8;
const maxLatencyMs = 8;
/** Microtask turns after each timer: enough for the promises that one event settles. */
const turnsPerInstant = 12;

/** Faults between nodes and engine. */
const faults: BackplaneFaults = {
  ...{ loseDelivery: 0.1, repeatDelivery: 0.1, swapDelivery: 0.2 },
  ...{ loseReply: 0.03, refuse: 0.03, delayMs: 6 },
};

/** The same without losses. */
const losslessFaults: BackplaneFaults = { ...faults, loseDelivery: 0, loseReply: 0, refuse: 0 };

export interface SimWorldOptions {
  /**
   * Deliveries and replies are lost only when a connection breaks, and the engine keeps its data. Then no room depends
   * on position checks.
   */
  readonly isLossless?: boolean;
  /** Called with a line of text for each event. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** The simulated rooms, nodes and clients, with one clock and one seed. */
export class SimWorld implements SimNetwork, SimReceiver {
  readonly isLossless: boolean;
  readonly engine: MemoryEngine;
  readonly rooms: readonly SimRoom[];
  readonly nodes: SimNode[] = [];
  readonly clients: readonly SimClient[];
  readonly publisher = new SimPublisher();
  readonly #trace: ((line: string) => void) | undefined;
  readonly #clock = new ManualClock();
  readonly #random: Random;
  readonly #policies: ReadonlyMap<string, RoomPolicy>;
  /** Faults of nodes that are added. */
  #faults: Readonly<BackplaneFaults>;
  #violation: Violation | undefined;
  #nodesMade = 0;

  constructor(seed: number, { isLossless = false, trace }: SimWorldOptions) {
    this.isLossless = isLossless;
    this.#faults = isLossless ? losslessFaults : faults;
    this.#trace = trace;
    this.#random = seededRandom(seed ^ 0x5eed);
    this.engine = new MemoryEngine({ clock: this.#clock, random: this.#random });
    this.rooms = roomsOf(this.#random);
    this.#policies = new Map(this.rooms.map(({ name, policy }) => [name, policy]));
    this.clients = Array.from({ length: clientCount }, (_, index) => new SimClient(`client ${index}`));
    this.#observe();
    while (this.nodes.length < nodeCount) this.addNode();
    for (const client of this.clients) {
      for (const room of this.rooms) if (this.#random.next() < 0.8) client.wanted.add(room);
      this.connect(client);
    }
  }

  /** The first violation, which ends the simulation. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  addNode(): void {
    const name = `node${this.#nodesMade++}`;
    // There are no other rooms.
    const policyOf = (room: string): RoomPolicy => this.#policies.get(room) as RoomPolicy;
    const node = new SimNode(name, this.engine.broker, this.#clock, this.#random, policyOf);
    Object.assign(node.backplane.faults, this.#faults);
    this.nodes.push(node);
  }

  connect(client: SimClient): void {
    if (client.connections.length > 0) return;
    const node = pickOf(this.nodes, this.#random.next());
    const connection = new SimConnection(node, this, this, outboxFrames);
    client.connections.push(connection);
    // The positions are read now, and are presented when the request has arrived.
    const presented = [...client.wanted].map((room) => [room, client.positionIn(room)] as const);
    this.schedule(() => {
      for (const [room, since] of presented) {
        const isNeeded = client.wanted.has(room) && !connection.subscriptions.has(room.name);
        if (isNeeded) connection.join(room.name, since);
      }
    }, this.latencyMs());
  }

  /** Ends all faults between nodes and engine. */
  calm(): void {
    this.#faults = noFaults;
    for (const { backplane } of this.nodes) Object.assign(backplane.faults, noFaults);
  }

  topOf(room: string): Position | null {
    return this.engine.broker.logs.top(room);
  }

  received(connection: SimConnection, frame: SimFrame): void {
    const client = this.clients.find(({ connections }) => connections.includes(connection));
    this.note(() => `${client?.name} gets from ${connection.node.name}: ${showFrame(frame)}`);
    client?.received(connection, frame);
  }

  now(): number {
    return this.#clock.now();
  }

  schedule(task: () => void, delayMs: number): void {
    this.#clock.schedule(() => this.guarded(task), delayMs);
  }

  latencyMs(): number {
    return this.#random.next() * maxLatencyMs;
  }

  /** Lets time pass, or stops at the first violation. */
  async pass(ms: number): Promise<void> {
    const end = this.#clock.now() + ms;
    this.#clock.schedule(() => undefined, ms);
    while (this.#clock.now() < end && !this.#violation) {
      this.#clock.advanceToNext();
      for (let turn = 0; turn < turnsPerInstant; turn++) await Promise.resolve();
    }
  }

  guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      // An exception is a violation, too.
      this.violated(error instanceof Violation ? error : new Violation(String((error as Error).stack)));
    }
  }

  violated(violation: Violation): void {
    this.#violation ??= violation;
  }

  note(line: () => string): void {
    this.#trace?.(`${this.#clock.now().toFixed(1)} ms ${line()}`);
  }

  /** Adds a node without faults, which gets every publication at the moment it is stored. */
  #observe(): void {
    const observer = new MemoryBackplane(this.engine.broker);
    const rooms = new Map(this.rooms.map((room) => [room.name, room]));
    void observer.start('observer', {
      publication: (publication) => {
        this.note(() => `stored ${publication.room} ${show(publication)} ${textOf(publication.item)}`);
        if (publication.epoch !== '') rooms.get(publication.room)?.truth.stored(publication);
      },
      command: () => undefined,
      interrupted: () => undefined,
      resumed: () => undefined,
    });
    void observer.watch([...rooms.keys()]);
  }
}

/** A log that is trimmed, a log that is not trimmed, and a room that may be of another kind. */
function roomsOf(random: Random): SimRoom[] {
  const size = 3 + Math.floor(random.next() * 40);
  const sizes = { 'a log': size, 'a long log': 1_000, another: pickOf([0, 1, 1_000], random.next()) };
  return Object.entries(sizes).map(([name, items]) => {
    const policy: RoomPolicy = {
      history: { size: items, ttlMs: 1e9 },
      slow: random.next() < 0.3 ? 'skip' : 'catch-up',
      maxRecovered: random.next() < 0.3 ? 10 : Infinity,
    };
    return { name, policy, truth: new Truth(items) };
  });
}

/** @param at - from 0 to below 1; there is at least one item */
export function pickOf<T>(items: readonly T[], at: number): T {
  return items[Math.floor(at * items.length)] as T;
}
