import type { WheelTask } from '../ground/index.js';

/**
 * What is scheduled for one link, with one more task. Those that have run are left out, so that a long life does not
 * gather them.
 */
export function withTask(tasks: readonly WheelTask[] = [], task: WheelTask): readonly WheelTask[] {
  return tasks.includes(task) ? tasks : [...tasks.filter(isScheduled), task];
}

function isScheduled({ wheelNext }: WheelTask): boolean {
  return wheelNext !== undefined;
}
