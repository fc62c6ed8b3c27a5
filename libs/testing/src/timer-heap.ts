/** A timer and its place among the others. */
export class HeapTimer {
  /** Where it is in the heap; -1 when it is not. */
  place = -1;

  /** @param order Number of arming, which is the order among timers that are due at the same instant. */
  constructor(
    readonly dueAt: number,
    readonly order: number,
    readonly task: () => void,
  ) {}
}

/** Timers with the earliest first: a binary heap, so that a hundred thousand of them can be waited for and taken back. */
export class TimerHeap {
  private readonly timers: HeapTimer[] = [];

  get size(): number {
    return this.timers.length;
  }

  /** The one that is due first. */
  get first(): HeapTimer | undefined {
    return this.timers[0];
  }

  add(timer: HeapTimer): void {
    this.rise(timer, this.timers.length);
  }

  /** One that is not in it is ignored. */
  remove(timer: HeapTimer): void {
    const { place } = timer;
    if (this.timers[place] !== timer) return;
    timer.place = -1;
    const last = this.timers.pop();
    if (last === undefined || last === timer) return;
    // The last one takes the free place, from where it may belong further up or further down.
    this.rise(last, place);
    this.sink(last, last.place);
  }

  private rise(timer: HeapTimer, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.timers[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      this.put(parent, place);
      place = above;
    }
    this.put(timer, place);
  }

  private sink(timer: HeapTimer, from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = this.timers[left + 1];
      let child = this.timers[left];
      if (child !== undefined && right !== undefined && isBefore(right, child)) child = right;
      if (child === undefined || !isBefore(child, timer)) break;
      const below = child.place;
      this.put(child, place);
      place = below;
    }
    this.put(timer, place);
  }

  private put(timer: HeapTimer, place: number): void {
    this.timers[place] = timer;
    timer.place = place;
  }
}

function isBefore(one: HeapTimer, other: HeapTimer): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.order < other.order);
}
