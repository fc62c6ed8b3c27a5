import type { RoomPolicy } from '@holdfast/backplane';
import { PathMatcher } from '../admission/index.js';
import { HoldfastError } from '../errors/index.js';
import type { RoomPolicyOptions } from './room-options.js';

type Durability = NonNullable<RoomPolicyOptions['durability']>;

/** What survives more comes later. */
const durabilities: readonly Durability[] = ['process', 'memory', 'disk'];

/** The policy of each room, by its name. Rooms that match no pattern have no history. */
export class RoomPolicies {
  readonly #patterns = new PathMatcher<RoomPolicy>();
  readonly #other = policyOf({});
  readonly #demands: { readonly pattern: string; readonly durability: Durability }[] = [];

  /** @throws HoldfastError for a malformed pattern, and for two that match the same rooms. */
  constructor(policies: readonly RoomPolicyOptions[]) {
    for (const policy of policies) this.add(policy);
  }

  /** @throws HoldfastError `INVALID_GATEWAY`, see the constructor. */
  add({ pattern, durability = 'process', ...policy }: RoomPolicyOptions): void {
    this.#patterns.add(pattern, policyOf(policy));
    this.#demands.push({ pattern, durability });
  }

  /** @throws HoldfastError `INVALID_OPTIONS` when an engine offers less than a policy demands. */
  checkDurability(engine: string, offered: Durability): void {
    for (const { pattern, durability } of this.#demands) {
      if (durabilities.indexOf(durability) <= durabilities.indexOf(offered)) continue;
      throw new HoldfastError(
        'INVALID_OPTIONS',
        `The rooms "${pattern}" demand the durability "${durability}", and the engine "${engine}" offers "${offered}": ` +
          'change its settings, or demand less',
      );
    }
  }

  of(room: string): RoomPolicy {
    return this.#patterns.match(`/${room}`)?.value ?? this.#other;
  }
}

/** What is wrong with the patterns of policies. */
export function roomProblems(policies: readonly RoomPolicyOptions[]): string[] {
  try {
    new RoomPolicies(policies);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function policyOf(options: Partial<RoomPolicyOptions>): RoomPolicy {
  const { history = {}, slow = 'catch-up', maxRecovered = 1_000, holdMs = 0 } = options;
  const { size = 0, ttlMs = 300_000, maxBytes = 1_048_576 } = history;
  return { history: { size, ttlMs, maxBytes }, slow, maxRecovered, holdMs };
}
