import type { Clock } from '../ground/index.js';

/** A connection whose frames are handled in turns. */
export interface TurnTaker {
  /**
   * It has used up its share: its socket is not read, and it handles nothing, until its turn. Said again where that
   * turn was too short.
   */
  waitForTurn(): void;
  /** It may handle what waits, as long as {@link Turns.mayRead} and {@link Turns.mayBegin} allow. */
  takeTurn(): void;
  /** Nothing waits any more that could be handled: its socket may be read. */
  endTurns(): void;
}

/** Knows whether this process has stood still for so long that others may have taken its place. */
export interface SleepGuard {
  /** @param now - monotonic. */
  hasSlept(now: number): boolean;
  /** Resolves when connections that are other nodes' now have been ended. Never rejects. */
  verified(): Promise<void>;
}

interface Share {
  readonly since: number;
  begun: number;
}

/** Time that one connection may take before the others have their turn. */
const shareMs = 4;
/** Frames of one connection that are handled before the others have their turn. */
const shareFrames = 64;
/**
 * Time for all connections in one turn of the event loop. What else waits, such as HTTP requests, is served after that.
 */
const turnMs = 10;
/** Characters of a frame that costs little. */
const smallFrame = 1_024;

/**
 * Shares the event loop between connections, so that a client that sends more than there is time for does not delay the
 * others. A connection that has used up its share is not read, and what was read already waits. Those that wait go on
 * in a round, one share each (deficit round robin: what one took beyond its share is taken off its next ones), and only
 * for a part of each turn of the event loop. Connections that stay below that cost two readings of the clock per read
 * of their socket.
 */
export class Turns {
  /** In the order in which they go on, with the time in milliseconds that they have taken beyond their share. */
  readonly #waiting = new Map<TurnTaker, number>();
  /** What connections have begun in this turn because a handler had finished, and not because something was read. */
  readonly #continued = new Map<TurnTaker, Share>();
  /** Whose frames are being handled. */
  #current: TurnTaker | undefined;
  #currentSince = 0;
  /**
   * Who was the last one to be {@link #current}, and what it has had since: Node reads many times from a socket that
   * has more.
   */
  #last: TurnTaker | undefined;
  #lastMs = 0;
  #lastFrames = 0;
  /** Time that all connections have taken, at least in this turn. */
  #spentMs = 0;
  /**
   * The longest that reading from a socket took which had not been read for a while, forgotten little by little: a long
   * read is followed by the short one of its rest, which says nothing of the next.
   */
  #readMs = 1;
  #isScheduled = false;
  #guard: SleepGuard | undefined;
  /** Nothing is handled until it is known what happened while the process stood still. */
  #isHeld = false;

  /** @param nextTurn - calls back after the event loop has served whatever else is ready. */
  constructor(
    private readonly clock: Clock,
    private readonly nextTurn: (task: () => void) => void = setImmediate,
  ) {}

  /** Asked before anything is read once the process has stood still. */
  guardBy(guard: SleepGuard): void {
    this.#guard = guard;
  }

  /** What was read from the socket of `taker` is about to be handled. */
  enter(taker: TurnTaker): void {
    this.#current = taker;
    this.#currentSince = this.clock.now();
    if (this.#guard?.hasSlept(this.#currentSince)) void this.#hold(this.#guard);
    if (this.#last === taker) return;
    this.#last = taker;
    this.#lastMs = 0;
    this.#lastFrames = 0;
  }

  /** What was read has been handled, or waits. */
  leave(taker: TurnTaker): void {
    if (this.#current !== taker) return;
    this.#leave();
    if (this.#waiting.has(taker)) this.#waiting.set(taker, this.#lastMs);
    else if (this.#lastMs > shareMs) this.#wait(taker, this.#lastMs);
    else return;
    this.#readMs = Math.max(this.#lastMs, this.#readMs * 0.9);
  }

  /** Whether one more frame of `taker`, of `length` characters, may be handled now. Otherwise it waits for its turn. */
  mayRead(taker: TurnTaker, length: number): boolean {
    if (this.#waiting.size > 0 && this.#waiting.has(taker)) return false;
    if (this.#isHeld) {
      this.#wait(taker, 0);
      return false;
    }
    // What a socket holds when it closes is not read in the way of other reads.
    if (taker !== this.#current || this.#mayGoOn(length)) return true;
    this.#wait(taker, 0);
    return false;
  }

  /** Whether `taker` may begin one more message that was read before. Otherwise it waits for its turn. */
  mayBegin(taker: TurnTaker): boolean {
    if (taker === this.#current) return this.mayRead(taker, 0);
    if (this.#waiting.has(taker)) return false;
    if (!this.#isHeld && this.#mayContinue(taker)) return true;
    this.#wait(taker, 0);
    return false;
  }

  /** The connection has ended. */
  forget(taker: TurnTaker): void {
    this.#waiting.delete(taker);
    this.#continued.delete(taker);
    if (this.#current === taker) this.#leave();
  }

  async #hold(guard: SleepGuard): Promise<void> {
    if (this.#isHeld) return;
    this.#isHeld = true;
    await guard.verified();
    this.#isHeld = false;
    this.#schedule();
  }

  #mayGoOn(length: number): boolean {
    const frames = this.#lastFrames++;
    if (frames >= shareFrames) return false;
    // Those that do nothing wrong have their small frame handled even in a turn that others have used up.
    if (this.#spentMs > turnMs && (frames > 0 || length > smallFrame)) return false;
    // A reading of the clock costs about as much as all else here, so every fourth frame has to do.
    return (frames & 3) !== 3 || this.#lastMs + this.clock.now() - this.#currentSince <= shareMs;
  }

  #mayContinue(taker: TurnTaker): boolean {
    const now = this.clock.now();
    const share = this.#continued.get(taker);
    if (share) return share.begun++ < shareFrames && now - share.since <= shareMs;
    this.#continued.set(taker, { since: now, begun: 1 });
    // Ends the turn: time that passes until then was spent on handling, time after it on waiting for something else.
    this.#schedule();
    return true;
  }

  #wait(taker: TurnTaker, owedMs: number): void {
    this.#waiting.set(taker, owedMs);
    taker.waitForTurn();
    this.#schedule();
  }

  #leave(): number {
    this.#current = undefined;
    const tookMs = this.clock.now() - this.#currentSince;
    this.#spentMs += tookMs;
    this.#lastMs += tookMs;
    // Only a task of its own tells where a turn ends, and it is not worth its cost in turns that do little.
    const isLong = this.#spentMs > turnMs / 2 || this.#lastMs > shareMs / 2 || this.#lastFrames > shareFrames / 2;
    if (isLong) this.#schedule();
    return tookMs;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.nextTurn(() => {
      this.#isScheduled = false;
      this.#continued.clear();
      this.#spentMs = 0;
      this.#last = undefined;
      this.#takeTurns();
    });
  }

  /**
   * Goes round among those that wait until this turn is used up. Who has to wait again is visited again, after the
   * others.
   */
  #takeTurns(): void {
    if (this.#isHeld) return;
    for (const [taker, owedMs] of this.#waiting) {
      if (this.#spentMs > turnMs) break;
      this.#waiting.delete(taker);
      if (owedMs > shareMs) this.#waiting.set(taker, owedMs - shareMs);
      else this.#turnOf(taker);
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  #turnOf(taker: TurnTaker): void {
    // A share of its own, also right after its last one.
    this.#last = undefined;
    this.enter(taker);
    taker.takeTurn();
    const tookMs = this.#leave();
    if (this.#waiting.has(taker)) {
      this.#waiting.set(taker, tookMs);
      return;
    }
    taker.endTurns();
    // Its socket is about to be read, also in this turn.
    this.#spentMs += this.#readMs;
  }
}
