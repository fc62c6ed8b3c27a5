import { FaultyBackplane, ManualClock, MemoryEngine, seededRandom } from '@holdfast/testing';
import {
  type Backplane,
  type HubSettings,
  MemoryBackplane,
  type MemoryBrokerOptions,
  type Position,
  type Published,
  RoomHub,
  type RoomPolicy,
} from '../../src/index.js';

const policy: RoomPolicy = { history: { size: 1_000, ttlMs: 3_600_000 }, slow: 'catch-up', maxRecovered: Infinity };

/** What the names of rooms mean in tests, by their first word. */
export const policies: Readonly<Record<string, RoomPolicy>> = {
  log: policy,
  short: { ...policy, history: { size: 10, ttlMs: 3_600_000 } },
  latest: { ...policy, history: { size: 1, ttlMs: 3_600_000 } },
  ephemeral: { ...policy, history: { size: 0, ttlMs: 0 } },
  skip: { ...policy, slow: 'skip' },
  few: { ...policy, maxRecovered: 5 },
  held: { ...policy, holdMs: 5_000 },
};

export function policyOf(room: string): RoomPolicy {
  return policies[room.split(' ')[0] ?? ''] ?? policy;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Lets everything happen that needs no time. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A hub on a way to the engine that can be broken. */
export interface TestNode {
  readonly hub: RoomHub;
  readonly way: FaultyBackplane;
}

/** Nodes on one memory engine, on one clock that stands still. */
export class TestNodes {
  readonly clock = new ManualClock();
  readonly random = seededRandom(1);
  readonly engine: MemoryEngine;
  #count = 0;

  constructor(options: MemoryBrokerOptions = {}) {
    this.engine = new MemoryEngine({ clock: this.clock, random: this.random, ...options });
  }

  /** @param wrap - something between the way and the engine, to look at */
  async add(
    settings: Partial<HubSettings> = {},
    wrap = (backplane: Backplane): Backplane => backplane,
  ): Promise<TestNode> {
    const { clock, random } = this;
    const way = new FaultyBackplane(wrap(new MemoryBackplane(this.engine.broker)), clock, random);
    const hub = new RoomHub({ backplane: way, policyOf, clock, random, settings });
    await hub.start(`node ${++this.#count}`);
    return { hub, way };
  }

  /** Moves time by steps that are shorter than anything that is waited for. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(Math.min(50, ms - passed));
      await turn();
    }
  }
}

type Methods = Pick<Backplane, 'publish' | 'read' | 'tops' | 'watch' | 'unwatch'>;

/** An engine some methods of which are replaced by others, which get the originals. */
export function replacing(replace: (originals: Methods) => Partial<Methods>): (engine: Backplane) => Backplane {
  return (engine) =>
    Object.assign(
      engine,
      replace({
        publish: engine.publish.bind(engine),
        read: engine.read.bind(engine),
        tops: engine.tops.bind(engine),
        watch: engine.watch.bind(engine),
        unwatch: engine.unwatch.bind(engine),
      }),
    );
}

/** Publishes one after the other. @returns the last answer */
export async function publish(hub: RoomHub, room: string, ...texts: string[]): Promise<Published> {
  let published: Published | undefined;
  for (const text of texts) published = await hub.publish(room, bytes(text));
  if (!published) throw new RangeError('Nothing was published');
  return published;
}

export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

export function positionOf({ first }: Published): Position {
  if (!first) throw new RangeError('There is no position');
  return first;
}
