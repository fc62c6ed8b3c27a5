import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Agenda } from './agenda.js';
import type { HubCounts } from './hub-counts.js';
import type { HubSettings } from './hub-settings.js';
import type { PageReads } from './page-reads.js';
import type { Rings } from './ring.js';
import type { Watches } from './watches.js';

/** What all feeds of a node share. */
export interface FeedContext {
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly counts: HubCounts;
  readonly random: Random;
  readonly reads: PageReads;
  readonly rings: Rings;
  readonly settings: HubSettings;
  readonly watches: Watches;
  /** The feed of this room has ended and gets no more deliveries. */
  ended(room: string): void;
}
