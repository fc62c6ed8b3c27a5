import type { PauseReason } from './link-facts.js';

/** Counts what passes over links. */
export interface LinkMeter {
  /** A message of `bytes` is on its way to the socket. */
  sent(bytes: number): void;
  /** A socket is not read for a while. */
  paused(reason: PauseReason): void;
  /** An event was refused to a client that does not keep up. */
  notTaken(): void;
  /** An event for such a client was dropped. */
  dropped(): void;
  /** An event cannot be expressed in JSON. */
  unencodable(event: string, message: string): void;
}
