import type { NodeRegistry } from '@holdfast/backplane';
import { type BoundedLog, Deadline, type TimerWheel } from '../ground/index.js';

/** How long a node counts as living after it was heard of last. */
const leaseMs = 15_000;
const beatMs = leaseMs / 3;

export interface NodeHeartbeatParts {
  /** Undefined: the engine does not know which nodes live. */
  readonly registry: NodeRegistry | undefined;
  readonly wheel: TimerWheel;
  readonly log: BoundedLog;
}

/** Says again and again that this node lives. */
export class NodeHeartbeat {
  readonly #deadline = new Deadline(() => void this.#beat());

  constructor(private readonly parts: NodeHeartbeatParts) {}

  async start(): Promise<void> {
    if (this.parts.registry) await this.#beat();
  }

  stop(): void {
    this.parts.wheel.cancel(this.#deadline);
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
    this.parts.wheel.schedule(this.#deadline, beatMs);
    try {
      await this.living();
    } catch (error) {
      this.parts.log.warn('node:beat', () => `The engine cannot be told that this node lives: ${String(error)}`);
    }
  }
}
