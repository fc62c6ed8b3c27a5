import type { RawData } from 'ws';

/** What the frames of a peer go to, and is told how their connection does: what is said on the connection. */
export interface FrameReceiver {
  /** Messages that have arrived and are not begun. */
  readonly waiting: number;
  /** Bytes of the peer are about to become frames. */
  reading(): void;
  /** They have. */
  hasRead(): void;
  received(data: RawData, isBinary: boolean): void;
  /** The peer does not read what it is sent, or does again. */
  congested(isCongested: boolean): void;
  /** The connection begins to end: what waits is dropped. */
  discard(): void;
  /** It has ended: what is at work is cancelled. */
  ended(): void;
  /** Calls back once, when nothing that has arrived is left to be handled; at once where that is now. */
  onceIdle(callback: () => void): void;
}
