import {
  type HubSettings,
  MemoryBackplane,
  type MemoryBroker,
  type Random,
  RoomHub,
  type RoomPolicy,
} from '@holdfast/backplane';
import { FaultyBackplane } from '../backplane/faulty-backplane.js';
import type { ManualClock } from '../manual-clock.js';

/** Small values, so that every limit is reached within a second of simulated time. */
const settings: Partial<HubSettings> = {
  ...{ stashItems: 6, ringItems: 6, ringMs: 60, ringBytes: 400, pageItems: 5, pageBytes: 80, maxReads: 2 },
  ...{ batchItems: 3, lingerMs: 30, checkMs: 160, confirmMs: 40, retryMs: 10, maxRetryMs: 80, tickMs: 20 },
};

const deadlineMs = 60;

/** A node: a hub with faults between the hub and the engine. */
export class SimNode {
  readonly name: string;
  readonly hub: RoomHub;
  readonly backplane: FaultyBackplane;
  isAlive = true;

  constructor(
    name: string,
    broker: MemoryBroker,
    clock: ManualClock,
    random: Random,
    policyOf: (room: string) => RoomPolicy,
  ) {
    this.name = name;
    this.backplane = new FaultyBackplane(new MemoryBackplane(broker), clock, random, deadlineMs);
    this.hub = new RoomHub({ backplane: this.backplane, policyOf, clock, random, settings });
    void this.hub.start(name);
  }

  /** Stops without telling anybody. */
  crash(): void {
    this.isAlive = false;
    void this.hub.close();
  }
}
