import type { TimerWheel, WheelTask } from '../ground/index.js';

/** What is scheduled for one link, so that nothing of it runs after the link has ended. */
export class LinkTasks {
  #tasks: WheelTask[] = [];

  constructor(private readonly wheel: TimerWheel) {}

  schedule(task: WheelTask, delayMs: number): void {
    this.wheel.schedule(task, delayMs);
    // Those that have run are dropped on the way, so that a long life does not gather them.
    if (!this.#tasks.includes(task)) this.#tasks = [...this.#tasks.filter(isScheduled), task];
  }

  cancel(): void {
    for (const task of this.#tasks) this.wheel.cancel(task);
  }
}

function isScheduled({ wheelNext }: WheelTask): boolean {
  return wheelNext !== undefined;
}
