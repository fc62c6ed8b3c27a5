import type { NodeRegistry } from '@holdfast/backplane';
import { type BoundedLog, type Clock, Deadline, type TimerWheel } from '../ground/index.js';

/** How long a node counts as living after it was heard of last. */
const leaseMs = 15_000;
const beatMs = leaseMs / 3;
/** After such a gap another node may believe that this one has ended. */
const longestGapMs = leaseMs / 2;

export interface NodeHeartbeatParts {
  /** Undefined: the engine does not know which nodes live. */
  readonly registry: NodeRegistry | undefined;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: BoundedLog;
}

/** Says again and again that this node lives. */
export class NodeHeartbeat {
  readonly #deadline = new Deadline(() => void this.#beat());
  /** Monotonic: when this node was last seen to run. */
  #awakeAt = Infinity;
  #isHeard = true;

  constructor(private readonly parts: NodeHeartbeatParts) {}

  async start(): Promise<void> {
    if (this.parts.registry) await this.#beat();
  }

  stop(): void {
    this.parts.wheel.cancel(this.#deadline);
  }

  /** Whether this process has stood still for so long that it has to look at what it owns before it goes on. */
  hasSlept(now: number): boolean {
    if (now - this.#awakeAt <= longestGapMs) return false;
    this.#awakeAt = now;
    return true;
  }

  /**
   * The names of all nodes that live now, this one included. Undefined: the engine does not know.
   *
   * @throws (rejects with) BackplaneError
   */
  async living(): Promise<readonly string[] | undefined> {
    const beat = await this.parts.registry?.beat(leaseMs);
    return beat?.nodes;
  }

  async #beat(): Promise<void> {
    this.#awakeAt = this.parts.clock.now();
    this.parts.wheel.schedule(this.#deadline, beatMs);
    try {
      await this.living();
      this.#isHeard = true;
    } catch (error) {
      // Once, however long the engine is away.
      if (this.#isHeard)
        this.parts.log.warn('node:beat', () => `The engine cannot be told that this node lives: ${String(error)}`);
      this.#isHeard = false;
    }
  }
}
