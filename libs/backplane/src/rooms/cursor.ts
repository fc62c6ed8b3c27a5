import type { Position } from '../contract/position.js';

/** The position of a member that is not live. */
export class Cursor {
  /** Empty: not known yet, the member starts at the position of the room. */
  epoch: string;
  offset: number;
  /** The member presented no position, so it cannot have missed anything. */
  readonly isNew: boolean;
  /** Whether `joined` was called for the member. */
  isTold = false;
  /** The member did not accept a publication, and has not resumed since. */
  isPaused = false;
  /** The member was paused, and nothing has been pushed to it since. */
  isSlow = false;
  /** The member waits for a page of the log. */
  isQueued = false;

  constructor(since: Position | null) {
    this.epoch = since?.epoch ?? '';
    this.offset = since?.offset ?? 0;
    this.isNew = since === null;
  }

  /** The cursor of a live member that did not accept the publication after this position. */
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
