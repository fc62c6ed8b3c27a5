import type { Backplane } from '@holdfast/backplane';

/** A fault of all deliveries to a node; `none`: no fault. @publicApi */
export type DeliveryFault = 'none' | 'lose' | 'repeat' | 'swap';

/**
 * Causes faults of the engine under test. A harness may offer only some of these; tests that need another one are not
 * run.
 *
 * @publicApi
 */
export interface EngineControl {
  /** Breaks the connections of a node, without telling it, until {@link mend}. */
  cut(node: Backplane): void | Promise<void>;
  mend(node: Backplane): void | Promise<void>;
  /** Starts a fault of the deliveries to a node, or ends it with `none`. */
  deliveries(node: Backplane, fault: DeliveryFault): void | Promise<void>;
  /** Loses the reply to the next publish of a node, which is carried out. The engine may retry. */
  loseReply(node: Backplane): void | Promise<void>;
  /** The engine stops answering, until {@link unpause}. */
  pause(): void | Promise<void>;
  unpause(): void | Promise<void>;
  /** Fills the engine, so that it rejects publications. */
  fill(): void | Promise<void>;
  /** Restarts the engine without its data. */
  empty(): void | Promise<void>;
  /** Returns the present data of the engine, for {@link rollBack}. */
  mark(): unknown;
  /** Restarts the engine with earlier data. */
  rollBack(mark: unknown): void | Promise<void>;
}

/**
 * What a harness controls, and what the engine has: `sessions`, a session store; `nodes`, a registry of nodes.
 *
 * @publicApi
 */
export type BackplaneCapability = keyof EngineControl | 'sessions' | 'nodes';

/** An engine under test. @publicApi */
export interface BackplaneHarness {
  /** Creates another node on the same engine. The suite starts and closes it. */
  createNode(): Backplane | Promise<Backplane>;
  /** Lets this much time pass for the engine. If the engine uses real time, this waits. */
  advance(ms: number): void | Promise<void>;
  /** Lets pending work make progress. The suite calls it repeatedly until something has happened. */
  settle(): Promise<void>;
  /** Milliseconds after which the engine forgets a room that is not used. */
  readonly roomIdleMs: number;
  readonly control: Partial<EngineControl>;
  /** Called when the test has ended and the nodes are closed. */
  readonly dispose?: () => void | Promise<void>;
  /** Number of armed timers, if they can be counted. */
  readonly timers?: () => number;
}

/** Creates a harness for one test. @publicApi */
export type CreateBackplane = () => BackplaneHarness | Promise<BackplaneHarness>;
