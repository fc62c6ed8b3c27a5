/**
 * Counters of a hub since its start. For metrics.
 *
 * @publicApi
 */
export interface HubCounts {
  /** Publications that this node has taken into its feeds, each once. */
  accepted: number;
  /**
   * Deliveries of publications that were taken before. Every own publication is delivered and confirmed, so it counts
   * here once.
   */
  repeats: number;
  /** Deliveries with an offset that did not follow the one before, or with another epoch. */
  holes: number;
  /** Reads of feeds: at their start, and to fetch missing publications. */
  heals: number;
  /** Reads for members that catch up. */
  pages: number;
  /** Failed reads of both kinds. */
  failedReads: number;
  /** Times a feed continued in another epoch without missing publications. */
  forks: number;
  /** Publications that were lost by the engine in these forks, per feed. */
  undone: number;
  /** Times a feed could not continue, and missed publications. */
  breaks: number;
  /** Times a position check found a feed at another position than the log. */
  mismatches: number;
  /** Publications that a live member did not accept. */
  congestions: number;
  /** Publications that slow members have skipped. */
  skipped: number;
  /** Rings that were emptied because of {@link HubSettings.ringBytes}. */
  ringsEmptied: number;
}

export function newHubCounts(): HubCounts {
  return {
    accepted: 0,
    repeats: 0,
    holes: 0,
    heals: 0,
    pages: 0,
    failedReads: 0,
    forks: 0,
    undone: 0,
    breaks: 0,
    mismatches: 0,
    congestions: 0,
    skipped: 0,
    ringsEmptied: 0,
  };
}
