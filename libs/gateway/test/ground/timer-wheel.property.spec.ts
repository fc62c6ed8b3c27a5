import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel, WheelTask } from '../../src/ground/timer-wheel.js';
import { ManualClock } from '../support/manual-clock.js';

const oneTickMs = 100;
const thresholdMs = 500;
const taskCount = 8;

type Operation =
  | { readonly kind: 'schedule'; readonly task: number; readonly delayMs: number }
  | { readonly kind: 'cancel'; readonly task: number }
  | { readonly kind: 'advance' | 'stall'; readonly ms: number };

const task = fc.nat({ max: taskCount - 1 });
const delayMs = fc.oneof(
  fc.double({ min: -10, max: 2_000, noNaN: true }),
  fc.nat({ max: 200_000 }),
  fc.constantFrom(0, oneTickMs, 51_200, Infinity),
);
const schedule = fc.record({ kind: fc.constant('schedule' as const), task, delayMs });
const cancel = fc.record({ kind: fc.constant('cancel' as const), task });
const advance = fc.record({
  kind: fc.constant('advance' as const),
  ms: fc.oneof(fc.nat({ max: 500 }), fc.nat({ max: 120_000 })),
});
const stall = fc.record({ kind: fc.constant('stall' as const), ms: fc.nat({ max: 5_000 }) });

/** The wheel beside the plainest thing that could be right: a map of deadlines. */
class Trial {
  readonly #clock = new ManualClock();
  readonly #wheel = new TimerWheel(this.#clock, { tickMs: oneTickMs, stallThresholdMs: thresholdMs });
  readonly #deadlines = new Map<number, number>();
  readonly #tasks = Array.from({ length: taskCount }, (_, index) => new TrialTask(this, index));

  constructor(private readonly mostLateMs: number) {}

  run(operations: readonly Operation[]): void {
    for (const operation of operations) {
      this.#apply(operation);
      this.#checkRest();
    }
  }

  /** Active time by its definition: all time less all stalls. */
  get #active(): number {
    return this.#clock.now() - this.#wheel.stalledMs;
  }

  #apply(operation: Operation): void {
    switch (operation.kind) {
      case 'schedule':
        this.#wheel.schedule(this.#taskOf(operation.task), operation.delayMs);
        if (operation.delayMs === Infinity) this.#deadlines.delete(operation.task);
        else this.#deadlines.set(operation.task, this.#active + Math.max(0, operation.delayMs));
        break;
      case 'cancel':
        this.#wheel.cancel(this.#taskOf(operation.task));
        this.#deadlines.delete(operation.task);
        break;
      case 'advance':
        this.#clock.advance(operation.ms);
        break;
      case 'stall':
        this.#clock.stall(operation.ms);
        this.#clock.advance(0);
        break;
    }
  }

  fired(index: number): void {
    const deadline = this.#deadlines.get(index);
    // Fails on a task that runs twice or was cancelled.
    expect(deadline).toBeDefined();
    this.#checkLateness(deadline ?? NaN);
    expect(this.#wheel.now).toBeGreaterThanOrEqual(deadline ?? NaN);
    this.#deadlines.delete(index);
    // Every other task has itself scheduled again, from within.
    if (index % 2 === 0) this.#apply({ kind: 'schedule', task: index, delayMs: index * 40 });
  }

  #checkRest(): void {
    expect(this.#wheel.size).toBe(this.#deadlines.size);
    expect(this.#clock.pending).toBe(this.#deadlines.size > 0 ? 1 : 0);
    for (const deadline of this.#deadlines.values())
      expect(this.#active - deadline).toBeLessThanOrEqual(this.mostLateMs);
  }

  #checkLateness(deadline: number): void {
    expect(this.#active - deadline).toBeGreaterThanOrEqual(0);
    expect(this.#active - deadline).toBeLessThanOrEqual(this.mostLateMs);
  }

  #taskOf(index: number): TrialTask {
    const found = this.#tasks[index];
    if (!found) throw new RangeError(`no task ${String(index)}`);
    return found;
  }
}

class TrialTask extends WheelTask {
  constructor(
    private readonly trial: Trial,
    private readonly index: number,
  ) {
    super();
  }

  override onDue(): void {
    this.trial.fired(this.index);
  }
}

/** Fractions of a millisecond do not add up exactly in floating point. */
const roundingMs = 1e-6;

describe('TimerWheel against a map of deadlines', () => {
  it('fires each task once, never early and at most one tick late', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(schedule, cancel, advance), { maxLength: 60 }), (operations) => {
        new Trial(oneTickMs + roundingMs).run(operations);
      }),
      { numRuns: 300 },
    );
  });

  it('is never early in active time whatever stalls come; late by no more than an uncounted lateness', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(schedule, cancel, advance, stall), { maxLength: 60 }), (operations) => {
        new Trial(oneTickMs + thresholdMs + roundingMs).run(operations);
      }),
      { numRuns: 300 },
    );
  });
});
