/**
 * What goes wrong between a node and its engine, and how often: chances from 0 to 1. All of it is allowed to an engine by
 * the contract.
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
  /** A call is carried out, and its answer is lost: `TIMEOUT`, outcome `unknown`. */
  loseReply: number;
  /** A call is not carried out: `AWAY`, outcome `none`. */
  refuse: number;
  /** The longest time that a call, an answer or a delivery is under way, in milliseconds. */
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
