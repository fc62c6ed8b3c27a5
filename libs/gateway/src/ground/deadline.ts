import { WheelTask } from './timer-wheel.js';

/** A one-off deadline on the wheel. */
export class Deadline extends WheelTask {
  constructor(private readonly task: () => void) {
    super();
  }

  override onDue(): void {
    this.task();
  }
}
