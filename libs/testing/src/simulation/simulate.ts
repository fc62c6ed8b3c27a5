import { show, Violation } from './check-stream.js';
import { act } from './sim-actions.js';
import type { SimStep } from './sim-schedule.js';
import { SimWorld, type SimWorldOptions } from './sim-world.js';

/** Long enough for every retry and two rounds of position checks. */
const quietMs = 900;

/** Result of one run. */
export interface SimulationRun {
  readonly violation: string | undefined;
  readonly published: number;
  readonly delivered: number;
  readonly forks: number;
}

/** Runs a schedule. The same seed and schedule give the same run. */
export async function simulate(
  seed: number,
  steps: readonly SimStep[],
  options: SimWorldOptions = {},
): Promise<SimulationRun> {
  const world = new SimWorld(seed, options);
  for (const step of steps) {
    await world.pass(step.afterMs);
    if (world.violation) break;
    world.note(() => `${step.action} ${step.pick.toFixed(3)} ${step.amount.toFixed(3)}`);
    world.guarded(() => act(world, step));
  }
  world.calm();
  await world.pass(quietMs);
  world.guarded(() => checkRest(world));
  for (const node of world.nodes) node.crash();
  return {
    violation: world.violation?.message,
    published: world.publisher.published,
    delivered: world.clients.reduce((sum, { delivered }) => sum + delivered, 0),
    forks: world.rooms.reduce((sum, { truth }) => sum + truth.forks, 0),
  };
}

/**
 * Checks that each client is live and at the top in each of its rooms, and that publishers were told the truth.
 *
 * @throws Violation
 */
function checkRest(world: SimWorld): void {
  world.publisher.check(world.rooms);
  for (const client of world.clients) {
    const connection = client.connections.at(-1);
    for (const { name, policy } of client.wanted) {
      const subscription = connection?.subscriptions.get(name);
      if (!subscription?.isLive) throw new Violation(`${client.name} is not live in ${name} at the end`);
      const top = show(policy.history.size > 0 ? world.topOf(name) : null);
      const told = show(connection?.told.get(name));
      if (told !== top) throw new Violation(`${client.name} ends at ${told} of ${name}, which ends at ${top}`);
    }
  }
}
