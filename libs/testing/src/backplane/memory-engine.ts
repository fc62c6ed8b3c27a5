import { MemoryBroker, type MemoryBrokerOptions } from '@holdfast/backplane';

/** How far each room was at some moment. */
export type EngineMark = ReadonlyMap<string, number>;

/**
 * A memory engine that loses data, as an engine does that is restarted, restored or failed over. It is the twin of a real
 * one in simulations.
 *
 * @publicApi
 */
export class MemoryEngine {
  readonly broker: MemoryBroker;

  constructor(options: MemoryBrokerOptions) {
    this.broker = new MemoryBroker(options);
  }

  /** It was restarted without its data. */
  empty(): void {
    this.broker.logs.change((logs) => logs.clear());
  }

  /** Remembers its state, for {@link rollBack}. */
  mark(): EngineMark {
    const mark = new Map<string, number>();
    this.broker.logs.change((logs) => {
      for (const [room, log] of logs) mark.set(room, log.top.offset);
    });
    return mark;
  }

  /** It was restarted with its data of that moment, or a replica took over that had received no more. */
  rollBack(mark: EngineMark): void {
    this.broker.logs.change((logs, newEpoch) => {
      for (const [room, log] of logs) {
        const top = mark.get(room);
        if (top === undefined) logs.delete(room);
        else log.fork(Math.min(top, log.top.offset), newEpoch());
      }
    });
  }

  /** The same for one room, which loses its last publications. 0: none, as when it moves to another server. */
  fork(room: string, lost: number): void {
    this.broker.logs.change((logs, newEpoch) => {
      const log = logs.get(room);
      log?.fork(Math.max(0, log.top.offset - lost), newEpoch());
    });
  }
}
