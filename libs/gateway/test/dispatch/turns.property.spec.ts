import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Turns, type TurnTaker } from '../../src/dispatch/turns.js';
import { ManualClock } from '../support/manual-clock.js';

/** The numbers of the promise, as SECURITY.md states them. */
const shareMs = 4;
const shareFrames = 64;
const turnMs = 10;

/** An event loop: what is ready is served in turns, and time passes only where work is done. */
class Loop {
  readonly clock = new ManualClock();
  #tasks: (() => void)[] = [];
  readonly turns = new Turns(this.clock, (task) => this.#tasks.push(task));

  get isIdle(): boolean {
    return this.#tasks.length === 0;
  }

  /** @returns how long the turn took. */
  turn(): number {
    const begun = this.clock.now();
    const due = this.#tasks;
    this.#tasks = [];
    for (const task of due) task();
    return this.clock.now() - begun;
  }
}

/** A connection whose frames each take a while. */
class Peer implements TurnTaker {
  readonly handled: number[] = [];
  isRead = true;
  #waiting: number[] = [];

  constructor(
    readonly loop: Loop,
    private readonly costMs: number,
    private readonly length = 10,
  ) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  /** A read of its socket brings so many frames. */
  reads(frames: number): void {
    expect(this.isRead).toBe(true);
    const { turns } = this.loop;
    turns.enter(this);
    for (let i = 0; i < frames; i++) {
      if (this.waiting === 0 && turns.mayRead(this, this.length)) this.#handle(i);
      else this.#waiting.push(i);
    }
    turns.leave(this);
  }

  /** A read of its socket takes so long, and brings no whole frame. */
  parses(costMs: number): void {
    const { turns, clock } = this.loop;
    turns.enter(this);
    clock.advance(costMs);
    turns.leave(this);
  }

  waitForTurn(): void {
    this.isRead = false;
  }

  takeTurn(): void {
    expect(this.isRead).toBe(false);
    while (this.waiting > 0 && this.loop.turns.mayRead(this, this.length)) this.#handle(this.#waiting.shift() ?? NaN);
  }

  endTurns(): void {
    expect([this.isRead, this.waiting]).toEqual([false, 0]);
    this.isRead = true;
  }

  #handle(frame: number): void {
    this.handled.push(frame);
    this.loop.clock.advance(this.costMs);
  }
}

let loop: Loop;
beforeEach(() => {
  loop = new Loop();
});

describe('one connection', () => {
  it('handles at once what takes less than its share', () => {
    const peer = new Peer(loop, 0.1);
    peer.reads(10);
    expect([peer.handled.length, peer.isRead, loop.isIdle]).toEqual([10, true, true]);
  });

  it('handles no more than its share of time at once, give or take four frames', () => {
    const peer = new Peer(loop, 0.5);
    peer.reads(40);
    expect(peer.handled.length).toBeLessThanOrEqual(shareMs / 0.5 + 4);
    expect(peer.isRead).toBe(false);
  });

  it('handles no more than its share of frames at once, however little they take', () => {
    const peer = new Peer(loop, 0);
    peer.reads(1_000);
    expect(peer.handled).toHaveLength(shareFrames);
  });

  it('is charged for all reads of a turn together: Node reads up to 32 times from a socket that has more', () => {
    const peer = new Peer(loop, 0.1);
    for (let read = 0; read < 32 && peer.isRead; read++) peer.reads(2);
    expect(peer.handled.length).toBeLessThan(50);
    expect(peer.isRead).toBe(false);
  });

  it('is not charged for what it did in turns before', () => {
    const peer = new Peer(loop, 0.4);
    for (let i = 0; i < 100; i++) {
      peer.reads(1);
      expect(peer.isRead).toBe(true);
      loop.turn();
    }
  });

  it('pays back what a costly frame took beyond its share, before the others have their next turn', () => {
    const [heavy, light] = [new Peer(loop, 40), new Peer(loop, 0.1)];
    heavy.reads(5);
    const before = heavy.handled.length;
    light.reads(300);
    loop.turn();
    expect(heavy.handled.length).toBe(before);
    expect(light.handled.length).toBeGreaterThan(80);
  });
});

it('handles small frames of a connection that does nothing wrong in a turn that others have used up', () => {
  const floods = Array.from({ length: 10 }, () => new Peer(loop, 0.5));
  for (const flood of floods) flood.reads(100);
  const [innocent, large] = [new Peer(loop, 0.1), new Peer(loop, 0.1, 5_000)];
  innocent.reads(1);
  large.reads(1);
  expect([innocent.handled, innocent.isRead, large.handled, large.isRead]).toEqual([[0], true, [], false]);
});

it('lets few sockets be read in one turn while reads take long, whatever the last one took', () => {
  const peers = Array.from({ length: 8 }, () => new Peer(loop, 0));
  for (const peer of peers) peer.parses(8);
  for (const peer of peers) peer.parses(0.1);
  const readable: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    loop.turn();
    const ready = peers.filter(({ isRead }) => isRead);
    readable.push(ready.length);
    for (const peer of ready) peer.parses(8);
    for (const peer of ready) peer.parses(0.1);
  }
  expect(Math.max(...readable)).toBeGreaterThan(0);
  expect(Math.max(...readable)).toBeLessThanOrEqual(3);
});

it('forgets who has ended', () => {
  const [ended, other] = [new Peer(loop, 1), new Peer(loop, 1)];
  ended.reads(10);
  other.reads(10);
  const before = ended.handled.length;
  loop.turns.forget(ended);
  while (!loop.isIdle) loop.turn();
  expect([ended.handled.length - before, other.handled.length]).toEqual([0, 10]);
});

const reads = fc.record({ peer: fc.nat(5), frames: fc.integer({ min: 1, max: 300 }) });
const schedule = fc.array(fc.oneof({ weight: 2, arbitrary: reads }, { weight: 1, arbitrary: fc.constant('turn') }), {
  maxLength: 60,
});

it('handles everything once and in order, and no turn lasts longer than what it promises, whatever is read when', () => {
  const costs = fc.array(fc.constantFrom(0, 0.01, 0.1, 1, 5, 30), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(costs, schedule, (costsMs, steps) => {
      const each = new Loop();
      const peers = costsMs.map((costMs) => new Peer(each, costMs));
      const expected = peers.map((): number[] => []);
      // Beyond the turn's own time at most one share is under way, with four frames between readings of the clock.
      const longestMs = turnMs + shareMs + 4 * Math.max(...costsMs);
      for (const step of steps) {
        if (typeof step === 'string') expect(each.turn()).toBeLessThanOrEqual(longestMs);
        else if (peers[step.peer]?.isRead === true) {
          peers[step.peer]?.reads(step.frames);
          expected[step.peer]?.push(...Array.from({ length: step.frames }, (_, i) => i));
        }
      }
      for (let turns = 0; !each.isIdle; turns++) {
        expect(turns).toBeLessThan(100_000);
        expect(each.turn()).toBeLessThanOrEqual(longestMs);
      }
      expect(peers.map(({ handled }) => handled)).toEqual(expected);
      expect(peers.every(({ isRead }) => isRead)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
