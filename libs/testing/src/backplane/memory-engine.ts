import { MemoryBroker, type MemoryBrokerOptions } from '@holdfast/backplane';

/** The offset of each room at one moment. */
export type EngineMark = ReadonlyMap<string, number>;

/**
 * A memory engine that can lose data, like a real engine after a restart, a restore or a failover.
 *
 * @publicApi
 */
export class MemoryEngine {
  readonly broker: MemoryBroker;

  constructor(options: MemoryBrokerOptions) {
    this.broker = new MemoryBroker(options);
  }

  /** Restarts without data. */
  empty(): void {
    this.broker.logs.change((logs) => logs.clear());
  }

  /** Returns the present state, for {@link rollBack}. */
  mark(): EngineMark {
    const mark = new Map<string, number>();
    this.broker.logs.change((logs) => {
      for (const [room, log] of logs) mark.set(room, log.top.offset);
    });
    return mark;
  }

  /** Goes back to a state, like a failover to a replica that had received no more. */
  rollBack(mark: EngineMark): void {
    this.broker.logs.change((logs, newEpoch) => {
      for (const [room, log] of logs) {
        const top = mark.get(room);
        if (top === undefined) logs.delete(room);
        else log.fork(Math.min(top, log.top.offset), newEpoch());
      }
    });
  }

  /**
   * Continues one room in a new epoch.
   *
   * @param lost - number of its last publications that are lost; 0: like a move to another server
   */
  fork(room: string, lost: number): void {
    this.broker.logs.change((logs, newEpoch) => {
      const log = logs.get(room);
      log?.fork(Math.max(0, log.top.offset - lost), newEpoch());
    });
  }
}
