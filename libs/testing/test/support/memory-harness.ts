import { type Backplane, MemoryBackplane, type MemoryBroker } from '@holdfast/backplane';
import { expect } from 'vitest';
import {
  type BackplaneCapability,
  type BackplaneHarness,
  FaultyBackplane,
  ManualClock,
  MemoryEngine,
  seededRandom,
} from '../../src/index.js';

const roomIdleMs = 60_000;

/** Everything that can be done to an engine can be done to that in memory. */
export const memoryCapabilities: readonly BackplaneCapability[] = [
  ...(['sessions', 'cut', 'mend', 'deliveries', 'loseReply', 'pause', 'unpause', 'fill', 'empty'] as const),
  ...(['mark', 'rollBack'] as const),
];

/** @param make - the engine on a broker; default: as it is */
export function memoryHarness(
  make = (broker: MemoryBroker): Backplane => new MemoryBackplane(broker),
): BackplaneHarness {
  const clock = new ManualClock();
  const random = seededRandom(7);
  const engine = new MemoryEngine({ clock, random, roomIdleMs, maxBytes: 8 * 1024 * 1024 });
  const nodes: FaultyBackplane[] = [];
  const nodeOf = (backplane: Backplane): FaultyBackplane => backplane as FaultyBackplane;
  return {
    createNode() {
      const node = new FaultyBackplane(make(engine.broker), clock, random);
      nodes.push(node);
      return node;
    },
    advance: (ms) => clock.advance(ms),
    settle: () =>
      new Promise((resolve) => {
        clock.advance(1);
        setImmediate(resolve);
      }),
    roomIdleMs,
    timers: () => clock.pending,
    control: {
      cut: (node) => nodeOf(node).cut(),
      mend: (node) => nodeOf(node).mend(),
      deliveries(node, fault) {
        const { faults } = nodeOf(node);
        const chance = (of: string): number => (fault === of ? 0.5 : 0);
        Object.assign(faults, { loseDelivery: chance('lose'), repeatDelivery: chance('repeat') });
        Object.assign(faults, { swapDelivery: chance('swap'), delayMs: fault === 'swap' ? 5 : 0 });
      },
      loseReply: (node) => nodeOf(node).loseNextReply(),
      pause: () => nodes.forEach((node) => node.pause()),
      unpause: () => nodes.forEach((node) => node.unpause()),
      fill() {
        const history = { size: Infinity, ttlMs: 3_600_000 };
        expect(() => {
          for (;;) engine.broker.logs.publish('filler', [new Uint8Array(64 * 1024)], { history });
        }).toThrow(expect.objectContaining({ code: 'FULL' }));
      },
      empty: () => engine.empty(),
      mark: () => engine.mark(),
      rollBack: (mark) => engine.rollBack(mark as ReadonlyMap<string, number>),
    },
  };
}
