import type { Backplane } from '@holdfast/backplane';

/**
 * What {@link EngineHealth.check} has found.
 *
 * @publicApi
 */
export interface EngineState {
  readonly isUp: boolean;
  /** Its name, such as `redis`. */
  readonly engine: string;
  /** What publications survive, see `RoomPolicyOptions.durability`. */
  readonly durability: 'process' | 'memory' | 'disk';
  /** Why it is not up. */
  readonly reason?: string;
}

/**
 * Whether the engine of the rooms can be reached, for the health checks of an application. Do not take a node out of a
 * load balancer for it: all nodes lose their engine at once, and connections are served without it.
 *
 * @publicApi
 */
export class EngineHealth {
  /** @internal HoldfastModule creates it. */
  constructor(private readonly backplane: Backplane) {}

  /** Asks the engine. Never rejects, and resolves within its deadline: 2 s by default on Redis. */
  async check(): Promise<EngineState> {
    const { name, durability } = this.backplane;
    const state = { engine: name, durability: durability.kind };
    try {
      await this.backplane.tops(['health']);
      return { isUp: true, ...state };
    } catch (error) {
      return { isUp: false, ...state, reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
