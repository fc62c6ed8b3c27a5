import type { Clock, TimerHandle } from '@holdfast/backplane';

/** Slots of the wheel. With the default tick one turn is 51.2 s, so a heartbeat is looked at once: when it is due. */
const slotCount = 512;

/**
 * Something with a deadline. The object itself is linked into the wheel, so scheduling allocates nothing.
 * A task belongs to one wheel for its whole life.
 *
 * @publicApi
 */
export abstract class WheelTask {
  /** @internal */
  wheelPrev: WheelTask | undefined = undefined;
  /** @internal */
  wheelNext: WheelTask | undefined = undefined;
  /** @internal In active time. */
  wheelDeadline = 0;

  /** Called once per schedule, when the deadline has passed. May schedule and cancel any task, itself too. */
  abstract onDue(): void;
}

/** Head of a circular list of tasks; an empty list is a head linked to itself. */
class TaskList extends WheelTask {
  constructor() {
    super();
    this.wheelPrev = this;
    this.wheelNext = this;
  }

  override onDue(): void {
    throw new Error('the head of a task list is never due');
  }

  append(task: WheelTask): void {
    const last = this.wheelPrev ?? this;
    task.wheelPrev = last;
    task.wheelNext = this;
    last.wheelNext = task;
    this.wheelPrev = task;
  }

  first(): WheelTask | undefined {
    return this.after(this);
  }

  after(task: WheelTask): WheelTask | undefined {
    return task.wheelNext === this ? undefined : task.wheelNext;
  }
}

function unlink(task: WheelTask): void {
  if (task.wheelPrev) task.wheelPrev.wheelNext = task.wheelNext;
  if (task.wheelNext) task.wheelNext.wheelPrev = task.wheelPrev;
  task.wheelPrev = undefined;
  task.wheelNext = undefined;
}

/** @publicApi */
export interface TimerWheelOptions {
  /** Milliseconds between two looks at the wheel: the most a task is late. Default 100. */
  readonly tickMs?: number;
  /** Milliseconds a tick may be late before its lateness counts as a stall of our own event loop. Default 500. */
  readonly stallThresholdMs?: number;
  /** Told the length of each stall, in milliseconds. */
  readonly onStall?: (stallMs: number) => void;
  /** Given what a task threw. By default it becomes an uncaught exception, as if thrown in a timer of its own. */
  readonly onTaskError?: (error: unknown) => void;
}

/**
 * Every deadline of every connection, on one timer of the clock.
 *
 * Deadlines are kept in active time, which stands still while our own event loop does: after a stall every peer has
 * as much time left as it had before, and nobody is cut for our fault. A task never runs early in active time, and
 * late by at most one tick. Tasks that fall due within one tick run in no particular order.
 *
 * A hashed wheel: scheduling and cancelling are O(1), and a deadline more than one turn away costs one comparison
 * per turn. The clock's timer is armed exactly while there is a task.
 *
 * @publicApi
 */
export class TimerWheel {
  /** Milliseconds between two looks at the wheel: the most {@link now} is behind. */
  readonly tickMs: number;
  readonly #stallThresholdMs: number;
  readonly #onStall: (stallMs: number) => void;
  readonly #onTaskError: (error: unknown) => void;

  readonly #slots = Array.from({ length: slotCount }, () => new TaskList());
  readonly #due = new TaskList();

  #timer: TimerHandle = undefined;
  #running = false;
  #stopped = false;
  /** The tick before this one was late and left its tasks to this one. */
  #catchingUp = false;
  /** Monotonic time at which the armed tick should come, or the one that follows the running tick. */
  #nextTickAt = 0;
  /** Tick number of `now`: tasks of earlier slots have run, those of this slot up to `now`. */
  #position = 0;
  #activeNow: number;
  #stalledTotal = 0;
  #count = 0;

  constructor(
    private readonly clock: Clock,
    options: TimerWheelOptions = {},
  ) {
    this.tickMs = options.tickMs ?? 100;
    this.#stallThresholdMs = options.stallThresholdMs ?? 500;
    this.#onStall = options.onStall ?? (() => undefined);
    this.#onTaskError = options.onTaskError ?? throwUncaught;
    this.#activeNow = clock.now();
  }

  /**
   * Active time in milliseconds: monotonic time less the time in which our own event loop stood still. As of the
   * last tick, so reading it costs nothing; it does not move while no task is scheduled.
   */
  get now(): number {
    return this.#activeNow;
  }

  /** Total of all stalls so far, in milliseconds. */
  get stalledMs(): number {
    return this.#stalledTotal;
  }

  /** Number of tasks that wait for their deadline. */
  get size(): number {
    return this.#count;
  }

  /**
   * Lets `task` become due `delayMs` of active time from now, in place of any earlier deadline of it.
   * 0 or less means the next tick; Infinity cancels. Ignored after {@link stop}.
   */
  schedule(task: WheelTask, delayMs: number): void {
    if (this.#stopped || delayMs === Infinity) {
      this.cancel(task);
      return;
    }
    if (task.wheelNext === undefined) this.#count++;
    else unlink(task);
    if (this.#timer === undefined && !this.#running) this.#wake();
    task.wheelDeadline = this.#activeTime() + Math.max(0, delayMs);
    this.#slotOf(Math.floor(task.wheelDeadline / this.tickMs)).append(task);
  }

  /** Forgets the deadline of `task`; a task without one is ignored. */
  cancel(task: WheelTask): void {
    if (task.wheelNext === undefined) return;
    unlink(task);
    this.#count--;
    if (this.#count === 0) this.#disarm();
  }

  /** Forgets all tasks and cancels the one timer. What is scheduled afterwards is ignored. */
  stop(): void {
    this.#stopped = true;
    for (const list of [...this.#slots, this.#due]) {
      for (let task = list.first(); task !== undefined; task = list.first()) this.cancel(task);
    }
  }

  /**
   * Active time at this very moment, also in the middle of a stall that no tick has seen yet. A stall that is still
   * within the threshold cannot be told from a late timer: a deadline set in it is late by at most the threshold.
   */
  #activeTime(): number {
    const at = this.clock.now();
    const stalling = at - this.#nextTickAt > this.#stallThresholdMs;
    return (stalling ? this.#nextTickAt : at) - this.#stalledTotal;
  }

  #wake(): void {
    const at = this.clock.now();
    this.#activeNow = at - this.#stalledTotal;
    this.#position = this.#tickNumber();
    this.#catchingUp = false;
    this.#nextTickAt = at + this.tickMs;
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.clock.schedule(this.#tick, Math.max(0, this.#nextTickAt - this.clock.now()));
  }

  #disarm(): void {
    if (this.#timer === undefined) return;
    this.clock.cancel(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    const at = this.clock.now();
    const lateMs = at - this.#nextTickAt;
    const stalled = lateMs > this.#stallThresholdMs;
    if (stalled) this.#stalledTotal += lateMs;
    this.#activeNow = at - this.#stalledTotal;
    // Timers run before the sockets are read. Without one more turn of the loop a peer whose answer came in while this
    // tick was late could be cut by it. One turn only, or an overloaded process would have no deadlines.
    this.#catchingUp = lateMs > this.tickMs && !this.#catchingUp;
    // Counted from the start of this tick, so that tasks which take long are seen as the stall they are.
    this.#nextTickAt = this.#catchingUp ? at : at + this.tickMs;
    this.#timer = undefined;
    this.#running = true;
    try {
      if (stalled) this.#onStall(lateMs);
      if (!this.#catchingUp) this.#runDue();
    } finally {
      // Also when a callback of the owner throws: the other connections still have their deadlines.
      this.#running = false;
      if (this.#count > 0) this.#arm();
    }
  };

  /** Collects before it runs, so that a task that schedules itself at once waits for the next tick. */
  #runDue(): void {
    const reached = this.#tickNumber();
    for (let number = Math.max(this.#position, reached - slotCount + 1); number <= reached; number++) {
      this.#collectDue(this.#slotOf(number));
    }
    this.#position = reached;
    for (let task = this.#due.first(); task !== undefined; task = this.#due.first()) {
      unlink(task);
      this.#count--;
      try {
        task.onDue();
      } catch (error) {
        this.#onTaskError(error);
      }
    }
  }

  #collectDue(slot: TaskList): void {
    let task = slot.first();
    while (task !== undefined) {
      const following = slot.after(task);
      if (task.wheelDeadline <= this.#activeNow) {
        unlink(task);
        this.#due.append(task);
      }
      task = following;
    }
  }

  #tickNumber(): number {
    return Math.floor(this.#activeNow / this.tickMs);
  }

  #slotOf(tickNumber: number): TaskList {
    // The remainder of a non-negative number is always an index of the array.
    return this.#slots[tickNumber % slotCount] as TaskList;
  }
}

function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
