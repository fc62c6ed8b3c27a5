/**
 * Faults between a node and its engine. The values are probabilities from 0 to 1, unless their name has a unit. The
 * contract allows all of these faults.
 *
 * @publicApi
 */
export interface BackplaneFaults {
  /** A delivery does not arrive. */
  loseDelivery: number;
  /** A delivery arrives twice. Not in rooms without history. */
  repeatDelivery: number;
  /** A delivery arrives after later ones. Not in rooms without history. */
  swapDelivery: number;
  /** A call is carried out, and its reply is lost: it rejects with `TIMEOUT`, outcome `unknown`. */
  loseReply: number;
  /** A call is not carried out: it rejects with `AWAY`, outcome `none`. */
  refuse: number;
  /** Longest transfer time of a call, a reply or a delivery, in milliseconds. */
  delayMs: number;
}

export const noFaults: Readonly<BackplaneFaults> = {
  loseDelivery: 0,
  repeatDelivery: 0,
  swapDelivery: 0,
  loseReply: 0,
  refuse: 0,
  delayMs: 0,
};
