import type { Member, Publication, Subscription } from '@holdfast/backplane';

/** A member that is never congested, whose engine is never away. */
export abstract class CalmMember implements Member {
  abstract push(subscription: Subscription, publication: Publication): boolean;

  joined(): void {
    // Nothing to answer here.
  }

  skipped(): void {
    // Never congested.
  }

  degraded(): void {
    // The engine is never away.
  }

  restored(): void {
    // As above.
  }
}
