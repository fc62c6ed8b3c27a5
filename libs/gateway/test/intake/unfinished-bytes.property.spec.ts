import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holder, UnfinishedBytes, unfinishedProblems } from '../../src/intake/unfinished-bytes.js';

const limit = 1_000;

/** A connection that goes on receiving until somebody ends it. */
class Peer implements Holder {
  held = 0;
  isClosing = false;
  isCut = false;

  constructor(private readonly isLargest: (peer: Peer) => boolean) {}

  overloaded(): void {
    expect(this.isClosing, 'closed twice').toBe(false);
    expect(this.isLargest(this)).toBe(true);
    this.isClosing = true;
  }

  cut(): void {
    expect(this.isClosing, 'cut before it was closed').toBe(true);
    expect(this.held, 'cut for nothing').toBeGreaterThan(0);
    this.isCut = true;
    this.held = 0;
  }
}

class Crowd {
  readonly sheds: number[] = [];
  readonly unfinished = new UnfinishedBytes(limit, (bytes) => this.sheds.push(bytes));
  readonly #isLargest = (peer: Peer): boolean => this.#staying().every(({ held }) => held <= peer.held);
  peers = Array.from({ length: 8 }, () => new Peer(this.#isLargest));

  sum(peers: readonly Peer[] = this.peers): number {
    return peers.reduce((sum, { held }) => sum + held, 0);
  }

  receives(index: number, bytes: number): void {
    const peer = this.peers[index]!;
    if (peer.isCut) return;
    peer.held += bytes;
    this.unfinished.holds(peer, peer.held);
  }

  finishes(index: number): void {
    const peer = this.peers[index]!;
    peer.held = 0;
    this.unfinished.holds(peer, 0);
  }

  /** It ends, and another one comes. */
  leaves(index: number): void {
    this.unfinished.left(this.peers[index]!);
    this.peers = this.peers.with(index, new Peer(this.#isLargest));
  }

  check(): void {
    expect(this.unfinished.total).toBe(this.sum());
    expect(this.sum(this.#staying())).toBeLessThanOrEqual(limit);
    expect(this.sum()).toBeLessThanOrEqual(limit * 1.25);
  }

  #staying(): Peer[] {
    return this.peers.filter(({ isClosing }) => !isClosing);
  }
}

describe('what unfinished messages hold, of all connections together', () => {
  it('is never above the limit for those that stay, nor a quarter above it for all; the largest goes first', () => {
    const index = fc.nat({ max: 7 });
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('receives'), index, bytes: fc.integer({ min: 1, max: 400 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('finishes'), index, bytes: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('leaves'), index, bytes: fc.constant(0) }) },
    );
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const crowd = new Crowd();
      for (const { kind, index, bytes } of steps) {
        if (kind === 'receives') crowd.receives(index, bytes);
        else if (kind === 'finishes') crowd.finishes(index);
        else crowd.leaves(index);
        crowd.check();
      }
      for (const index of crowd.peers.keys()) crowd.leaves(index);
      expect(crowd.unfinished.total).toBe(0);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('closes nobody at the limit, and the one that holds most above it, which keeps its bytes while it closes', () => {
    const crowd = new Crowd();
    crowd.receives(0, 300);
    crowd.receives(1, 400);
    crowd.receives(2, 300);
    expect(crowd.sheds).toEqual([]);
    crowd.receives(0, 1);
    expect(crowd.sheds).toEqual([400]);
    expect(crowd.peers.map(({ isClosing }) => isClosing).slice(0, 3)).toEqual([false, true, false]);
    expect(crowd.unfinished.total).toBe(1_001);
    crowd.receives(3, 249);
    expect(crowd.peers[1]!.isCut).toBe(false);
    crowd.receives(3, 1);
    expect(crowd.peers[1]!.isCut).toBe(true);
    expect(crowd.unfinished.total).toBe(851);
  });
});

describe('its limit', () => {
  const limitOf = (given: number | undefined, ...largest: number[]): number => {
    const unfinished = new UnfinishedBytes(given, () => undefined);
    for (const bytes of largest) unfinished.makeRoomFor(bytes);
    return unfinished.limit;
  };

  it('has room for four of the largest messages of any gateway, and is 64 MiB at least', () => {
    expect(limitOf(undefined)).toBe(67_108_864);
    expect(limitOf(undefined, 262_144, 16_777_216)).toBe(67_108_864);
    expect(limitOf(undefined, 16_777_217, 262_144)).toBe(67_108_868);
    expect(limitOf(undefined, 104_857_600)).toBe(419_430_400);
  });

  it('is what the application says, which has to be twice the largest message', () => {
    expect(limitOf(2_097_152, 1_048_576)).toBe(2_097_152);
    expect(limitOf(Infinity, 1_048_576)).toBe(Infinity);
    expect(unfinishedProblems(undefined, 1e9)).toEqual([]);
    expect(unfinishedProblems(2_097_152, 1_048_576)).toEqual([]);
    expect(unfinishedProblems(2_097_152, 1_048_577)).toHaveLength(1);
  });
});
