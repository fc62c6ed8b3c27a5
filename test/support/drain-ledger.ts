import type { DrainReport } from '@holdfast/gateway';

/** What the terminated server says of itself when its process exits. */
export interface Ledger {
  /** Handlers that came to their end. */
  readonly handled: number;
  /** Disconnect hooks that did. */
  readonly farewells: number;
  /** Uses of the database after it was closed. */
  readonly refusals: number;
  /** What was done last, in order. */
  readonly events: readonly string[];
  readonly report: DrainReport | undefined;
}
