import type { Position } from '../contract/position.js';

/** Where a member stands that is not live. */
export class Cursor {
  /** Empty: it begins wherever the room is. */
  epoch: string;
  offset: number;
  /** It presented no position: there is nothing that it could have missed. */
  readonly isNew: boolean;
  /** Whether `joined` was called. */
  isTold = false;
  /** It did not take a publication, and has not asked for more. */
  isPaused = false;
  /** It was paused, and nothing was pushed since. */
  isSlow = false;
  /** It waits for a page of the log. */
  isQueued = false;

  constructor(since: Position | null) {
    this.epoch = since?.epoch ?? '';
    this.offset = since?.offset ?? 0;
    this.isNew = since === null;
  }

  /** That of a live member which did not take what came after that position. */
  static ofSlowMember(position: Position): Cursor {
    const cursor = new Cursor(position);
    cursor.isTold = true;
    cursor.pause();
    return cursor;
  }

  get position(): Position | null {
    return this.epoch === '' ? null : { epoch: this.epoch, offset: this.offset };
  }

  moveTo({ epoch, offset }: Position): void {
    this.epoch = epoch;
    this.offset = offset;
  }

  pause(): void {
    this.isPaused = true;
    this.isSlow = true;
  }
}
