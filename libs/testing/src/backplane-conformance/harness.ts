import type { Backplane } from '@holdfast/backplane';

/** What can happen to the deliveries of a node. */
export type DeliveryFault = 'none' | 'lose' | 'repeat' | 'swap';

/**
 * A hand on the engine. An engine under test need not allow all of it: the tests that need something are run where it is
 * named in the capabilities.
 *
 * @publicApi
 */
export interface EngineHand {
  /** Breaks the connections of a node, which has to notice it by itself, and keeps them broken. */
  cut(node: Backplane): void | Promise<void>;
  mend(node: Backplane): void | Promise<void>;
  /** From now on the deliveries of a node are lost, come twice, or come in another order; `none`: not any more. */
  deliveries(node: Backplane, fault: DeliveryFault): void | Promise<void>;
  /** Loses the answer to the next publish of a node, after it was carried out. What repeats calls by itself does so. */
  loseReply(node: Backplane): void | Promise<void>;
  /** The engine stands still. */
  pause(): void | Promise<void>;
  unpause(): void | Promise<void>;
  /** The engine takes no more publications. */
  fill(): void | Promise<void>;
  /** The engine is restarted without its data. */
  empty(): void | Promise<void>;
  /** Remembers the data of the engine. */
  mark(): unknown;
  /** The engine is restarted with the data of that moment. */
  rollBack(mark: unknown): void | Promise<void>;
}

/** @publicApi */
export type BackplaneCapability = keyof EngineHand | 'sessions';

/** An engine under test, and what the suite needs to move it. @publicApi */
export interface BackplaneHarness {
  /** Another node on the same engine. The suite starts and closes it. */
  createNode(): Backplane | Promise<Backplane>;
  /** Moves the time that the engine goes by; where that is real time, waits. */
  advance(ms: number): void | Promise<void>;
  /** Lets what is under way get on. Called again and again until something has happened, or often enough to say it never will. */
  settle(): Promise<void>;
  /** Milliseconds after which the engine forgets a room that nobody uses. */
  readonly roomIdleMs: number;
  readonly hand: Partial<EngineHand>;
  /** Called when the test has ended and the nodes are closed. */
  readonly dispose?: () => void | Promise<void>;
  /** Armed timers, where they can be counted. */
  readonly timers?: () => number;
}

/** @publicApi */
export type CreateBackplane = () => BackplaneHarness | Promise<BackplaneHarness>;
