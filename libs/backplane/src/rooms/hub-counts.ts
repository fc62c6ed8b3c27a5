/**
 * What has happened in a hub since its start. For metrics.
 *
 * @publicApi
 */
export interface HubCounts {
  /** Publications taken from the engine or from the publisher, each once per room and node. */
  accepted: number;
  /** Deliveries that had come before. */
  repeats: number;
  /** Times that a delivery did not follow the one before it. */
  holes: number;
  /** Reads by which feeds became whole again or began. */
  heals: number;
  /** Reads for members that catch up. */
  pages: number;
  /** Reads that failed. */
  failedReads: number;
  /** Times that a room went on in another epoch with nothing missing. */
  forks: number;
  /** Publications that the engine had lost in those forks. */
  undone: number;
  /** Times that a room could not be continued. */
  breaks: number;
  /** Times that a quiet room turned out to be behind or ahead of its log. */
  mismatches: number;
  /** Times that a member did not take a publication. */
  congestions: number;
  /** Publications that slow members were told they would not get. */
  skipped: number;
  /** Rings that were emptied because all of them together were too large. */
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
