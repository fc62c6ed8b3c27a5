import type { RoomPolicy } from '@holdfast/backplane';
import { PathMatcher } from '../admission/index.js';
import type { RoomPolicyOptions } from './room-options.js';

/** The policy of each room, by its name. Rooms that match no pattern have no history. */
export class RoomPolicies {
  readonly #patterns = new PathMatcher<RoomPolicy>();
  readonly #other = policyOf({});

  /** @throws HoldfastError for a malformed pattern, and for two that match the same rooms. */
  constructor(policies: readonly RoomPolicyOptions[]) {
    for (const policy of policies) this.add(policy);
  }

  /** @throws HoldfastError `INVALID_GATEWAY`, see the constructor. */
  add({ pattern, ...policy }: RoomPolicyOptions): void {
    this.#patterns.add(pattern, policyOf(policy));
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

function policyOf({ history = {}, slow = 'catch-up', maxRecovered = 1_000 }: Partial<RoomPolicyOptions>): RoomPolicy {
  const { size = 0, ttlMs = 300_000, maxBytes = 1_048_576 } = history;
  return { history: { size, ttlMs, maxBytes }, slow, maxRecovered };
}
