import { describe, expect, it } from 'vitest';
import { systemClock } from '@holdfast/backplane';
import { TimerWheel, WheelTask } from '../../src/ground/timer-wheel.js';
import { ManualClock } from '../support/manual-clock.js';

const dayMs = 24 * 60 * 60 * 1000;

class Task extends WheelTask {
  constructor(private readonly run: () => void) {
    super();
  }

  override onDue(): void {
    this.run();
  }
}

function setUp() {
  const clock = new ManualClock();
  const fired: string[] = [];
  const stalls: number[] = [];
  const errors: unknown[] = [];
  const wheel = new TimerWheel(clock, {
    onStall: (ms) => stalls.push(ms),
    onTaskError: (error) => errors.push(error),
  });
  const task = (name: string, then?: () => void) =>
    new Task(() => {
      fired.push(name);
      then?.();
    });
  return { clock, wheel, fired, stalls, errors, task };
}

describe('deadlines', () => {
  it('runs a task once, not before its time and at most one tick after it', () => {
    const { clock, wheel, fired, task } = setUp();
    wheel.schedule(task('a'), 250);
    clock.advance(249);
    expect(fired).toEqual([]);
    clock.advance(51);
    expect(fired).toEqual(['a']);
    clock.advance(120_000);
    expect(fired).toEqual(['a']);
  });

  it('keeps to the time of the call when scheduled between two ticks', () => {
    const { clock, wheel, fired, task } = setUp();
    wheel.schedule(task('first'), 1000);
    clock.advance(150);
    expect(wheel.now).toBe(100);
    wheel.schedule(task('second'), 100);
    clock.advance(99);
    expect(fired).toEqual([]);
    clock.advance(51);
    expect(fired).toEqual(['second']);
  });

  it('moves a task that is scheduled again', () => {
    const { clock, wheel, fired, task } = setUp();
    const a = task('a');
    wheel.schedule(a, 200);
    wheel.schedule(a, 5000);
    expect(wheel.size).toBe(1);
    clock.advance(4999);
    expect(fired).toEqual([]);
    clock.advance(101);
    expect(fired).toEqual(['a']);
  });

  it('never runs a cancelled task; Infinity cancels', () => {
    const { clock, wheel, fired, task } = setUp();
    const a = task('a');
    const b = task('b');
    wheel.schedule(a, 200);
    wheel.schedule(b, 200);
    wheel.cancel(a);
    wheel.schedule(b, Infinity);
    clock.advance(1000);
    expect(fired).toEqual([]);
    expect(wheel.size).toBe(0);
  });

  it('holds a delay of 24 days to the tick', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const tickMs = 10_000;
    const wheel = new TimerWheel(clock, { tickMs });
    wheel.schedule(new Task(() => fired.push('a')), 24 * dayMs);
    clock.advance(24 * dayMs - 1);
    expect(fired).toEqual([]);
    clock.advance(tickMs);
    expect(fired).toEqual(['a']);
  });

  it('runs a task without delay, or with a negative one, at the next tick', () => {
    const { clock, wheel, fired, task } = setUp();
    wheel.schedule(task('zero'), 0);
    wheel.schedule(task('negative'), -5);
    expect(fired).toEqual([]);
    clock.advance(100);
    expect(fired.sort()).toEqual(['negative', 'zero']);
  });
});

describe('tasks that touch the wheel', () => {
  it('lets a task schedule itself; without delay it waits for the next tick', () => {
    const { clock, wheel, fired, task } = setUp();
    const beat: WheelTask = task('beat', () => {
      wheel.schedule(beat, 0);
    });
    wheel.schedule(beat, 0);
    clock.advance(500);
    expect(fired).toEqual(['beat', 'beat', 'beat', 'beat', 'beat']);
  });

  it('lets a task cancel another that is due in the same tick', () => {
    const { clock, wheel, fired, task } = setUp();
    const pair: WheelTask[] = [];
    const cancelAll = () => {
      pair.forEach((each) => {
        wheel.cancel(each);
      });
    };
    pair.push(task('one', cancelAll), task('two', cancelAll));
    pair.forEach((each) => {
      wheel.schedule(each, 50);
    });
    clock.advance(1000);
    expect(fired).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('runs the others when one throws, and reports what it threw', () => {
    const { clock, wheel, fired, errors, task } = setUp();
    const failure = new Error('planted');
    for (const name of ['a', 'b', 'c']) {
      wheel.schedule(
        task(name, () => {
          if (name === 'b') throw failure;
        }),
        10,
      );
    }
    clock.advance(100);
    expect(fired).toEqual(['a', 'b', 'c']);
    expect(errors).toEqual([failure]);
  });

  it('keeps ticking when the error handler itself throws', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const wheel = new TimerWheel(clock, {
      onTaskError: () => {
        throw new Error('handler');
      },
    });
    wheel.schedule(
      new Task(() => {
        throw new Error('task');
      }),
      10,
    );
    wheel.schedule(new Task(() => fired.push('same tick')), 10);
    wheel.schedule(new Task(() => fired.push('later')), 500);
    expect(() => {
      clock.advance(100);
    }).toThrow('handler');
    clock.advance(600);
    expect(fired).toEqual(['same tick', 'later']);
  });
});

describe('the one timer', () => {
  it('is armed exactly while there is a task', () => {
    const { clock, wheel, task } = setUp();
    expect(clock.pending).toBe(0);
    const tasks = Array.from({ length: 100 }, (_, index) => task(String(index)));
    tasks.forEach((each, index) => {
      wheel.schedule(each, index);
    });
    expect(clock.pending).toBe(1);
    clock.advance(50);
    expect(clock.pending).toBe(1);
    tasks.slice(0, 99).forEach((each) => {
      wheel.cancel(each);
    });
    expect(clock.pending).toBe(1);
    clock.advance(200);
    expect(clock.pending).toBe(0);
  });

  it('comes back after the wheel was empty for long, with the right time', () => {
    const { clock, wheel, fired, stalls, task } = setUp();
    wheel.schedule(task('a'), 10);
    clock.advance(3 * dayMs);
    wheel.schedule(task('b'), 300);
    expect(wheel.now).toBe(3 * dayMs);
    clock.advance(299);
    expect(fired).toEqual(['a']);
    clock.advance(100);
    expect(fired).toEqual(['a', 'b']);
    expect(stalls).toEqual([]);
  });

  it('is gone after stop, and nothing can be scheduled any more', () => {
    const { clock, wheel, fired, task } = setUp();
    const a = task('a', () => {
      wheel.stop();
    });
    wheel.schedule(a, 10);
    wheel.schedule(task('same tick'), 10);
    wheel.schedule(task('later'), 10_000);
    clock.advance(100);
    expect(clock.pending).toBe(0);
    wheel.schedule(a, 10);
    expect(wheel.size).toBe(0);
    clock.advance(20_000);
    expect(fired).toEqual(['a']);
  });
});

describe('stalls of our own event loop', () => {
  it('moves every deadline by the stall', () => {
    const { clock, wheel, fired, stalls, task } = setUp();
    wheel.schedule(task('peer'), 1000);
    clock.advance(500);
    clock.stall(2100);
    clock.advance(0);
    expect(stalls).toEqual([2000]);
    expect(wheel.stalledMs).toBe(2000);
    expect(wheel.now).toBe(600);
    clock.advance(399);
    expect(fired).toEqual([]);
    clock.advance(101);
    expect(fired).toEqual(['peer']);
  });

  it('does not count lateness within the threshold', () => {
    const { clock, wheel, stalls, fired, task } = setUp();
    wheel.schedule(task('a'), 400);
    clock.stall(600);
    clock.advance(0);
    expect(stalls).toEqual([]);
    expect(fired).toEqual(['a']);
  });

  it('gives a deadline set in the middle of a stall its whole delay after the stall, not more', () => {
    const { clock, wheel, fired, task } = setUp();
    wheel.schedule(task('other'), 60_000);
    clock.stall(2000);
    wheel.schedule(task('a'), 300);
    clock.advance(0);
    clock.advance(299);
    expect(fired).toEqual([]);
    clock.advance(101);
    expect(fired).toEqual(['a']);
  });

  it('sees a stall that its own tasks cause', () => {
    const { clock, wheel, stalls, fired, task } = setUp();
    wheel.schedule(
      task('slow', () => {
        clock.stall(3000);
        wheel.schedule(task('after'), 200);
      }),
      100,
    );
    wheel.schedule(task('peer'), 1000);
    clock.advance(100);
    expect(stalls).toEqual([]);
    clock.advance(1);
    expect(stalls).toEqual([2900]);
    clock.advance(798);
    expect(fired).toEqual(['slow', 'after']);
    clock.advance(1);
    expect(fired).toEqual(['slow', 'after', 'peer']);
  });

  it('still has deadlines when every turn of the loop stalls', () => {
    const { clock, wheel, fired, task } = setUp();
    wheel.schedule(task('a'), 1000);
    let turns = 0;
    for (; fired.length === 0 && turns < 100; turns++) {
      clock.stall(700);
      clock.advance(0);
    }
    expect(fired).toEqual(['a']);
  });

  it.each([
    ['a stall', 50],
    ['a lateness that is no stall yet', 5_000],
  ])('lets the loop read what came in during %s before any task runs', async (_, stallThresholdMs) => {
    const order: string[] = [];
    const wheel = new TimerWheel(systemClock, { tickMs: 10, stallThresholdMs });
    await new Promise<void>((resolve) => {
      wheel.schedule(
        new Task(() => {
          order.push('deadline');
          resolve();
        }),
        5,
      );
      // After an immediate the loop looks at timers, then at sockets, then at the immediates that this one left.
      setImmediate(() => {
        for (const until = performance.now() + 200; performance.now() < until;);
        setImmediate(() => order.push('read'));
      });
    });
    expect(order).toEqual(['read', 'deadline']);
    expect(wheel.stalledMs > 100).toBe(stallThresholdMs === 50);
  });
});
