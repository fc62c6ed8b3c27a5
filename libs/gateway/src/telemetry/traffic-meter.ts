import type { LinkMeter, PauseReason } from '../connection/index.js';
import type { BoundedLog } from '../ground/index.js';
import type { Counters } from './counters.js';
import type { Traffic } from './traffic.js';

/** Counts what passes over links, and logs what the application wants to send and cannot. */
export class TrafficMeter implements LinkMeter {
  constructor(
    private readonly traffic: Traffic,
    private readonly counters: Counters,
    private readonly log: BoundedLog,
  ) {}

  sent(bytes: number): void {
    this.traffic.messagesOut++;
    this.traffic.bytesOut += bytes;
  }

  paused(reason: PauseReason): void {
    this.counters.add('paused', reason);
  }

  notTaken(): void {
    this.counters.add('notTaken', 'SLOW_CONSUMER');
  }

  dropped(): void {
    this.counters.add('dropped', 'SLOW_CONSUMER');
  }

  unencodable(event: string, message: string): void {
    this.counters.add('error', 'UNENCODABLE');
    this.log.error('unencodable', `"${event}" was not sent: ${message}`);
  }
}
