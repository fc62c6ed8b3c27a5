import { BackplaneError } from '../contract/backplane-error.js';
import type { History } from '../contract/history.js';
import type { FeedContext } from './feed-context.js';
import type { Intake } from './intake.js';

/**
 * - `reading`: the log is being read, for the first time or because something is missing; deliveries are kept
 *   meanwhile;
 * - `synced`: deliveries are taken as they arrive;
 * - `failed`: the log could not be read, and will be read again;
 * - `interrupted`: the engine reported that deliveries may be lost.
 *
 *     new --> reading <--> synced        any --> interrupted --> reading        any --> ended
 *              |   ^
 *              v   |
 *             failed
 */
export type FollowerState = 'new' | 'reading' | 'synced' | 'failed' | 'interrupted' | 'ended';

/** Owner of a follower. */
export interface LogFollowerOwner {
  /** Everything that is stored has been taken. From now on deliveries suffice. */
  synced(): void;
  failed(error: BackplaneError): void;
}

/**
 * Keeps an intake at the top of its log: it watches the room, reads the log, and reads it again whenever something is
 * missing. There is one read at a time.
 */
export class LogFollower {
  readonly #intake: Intake;
  readonly #history: History;
  readonly #context: FeedContext;
  readonly #owner: LogFollowerOwner;
  #state: FollowerState = 'new';
  /** Number of the present run. Replies to an earlier run are ignored. */
  #run = 0;
  /** Another read was requested while the log was being read. */
  #readsAgain = false;
  #watching: Promise<void> | undefined;

  constructor(intake: Intake, history: History, context: FeedContext, owner: LogFollowerOwner) {
    this.#intake = intake;
    this.#history = history;
    this.#context = context;
    this.#owner = owner;
  }

  get state(): FollowerState {
    return this.#state;
  }

  /** Reads up to the top. If it is reading already, it reads once more afterwards. */
  read(): void {
    if (this.#state === 'reading') {
      this.#readsAgain = true;
    } else if (this.#state !== 'ended') {
      this.#state = 'reading';
      void this.#follow(++this.#run);
    }
  }

  /** Stops the present run. No delivery is taken until the next {@link read}. */
  stop(state: 'interrupted' | 'failed' | 'ended'): void {
    this.#run++;
    this.#state = state;
    this.#readsAgain = false;
    this.#intake.forgetKept();
    if (state !== 'ended') return;
    // A watch that is still in flight takes effect later, so it is undone after it has.
    void this.#watching?.then(
      () => this.#context.watches.unwatch(this.#intake.room),
      () => undefined,
    );
  }

  async #follow(run: number): Promise<void> {
    try {
      // Watch first, then read: an item that is stored between a read and a later watch would be missed.
      await this.#watch();
      if (run !== this.#run) return;
      do {
        this.#readsAgain = false;
        if (!(await this.#readToTop(run))) return;
        this.#intake.takeKept();
      } while (this.#isStillIncomplete());
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      if (run !== this.#run) return;
      this.#context.counts.failedReads++;
      this.stop('failed');
      this.#owner.failed(error);
      return;
    }
    this.#state = 'synced';
    this.#owner.synced();
  }

  /** Kept deliveries that do not follow were stored before they were delivered, so the next read returns them. */
  #isStillIncomplete(): boolean {
    return this.#intake.forgetKept() || this.#readsAgain;
  }

  #watch(): Promise<void> {
    this.#watching ??= this.#context.watches.watch(this.#intake.room).catch((error: unknown) => {
      this.#watching = undefined;
      throw error;
    });
    return this.#watching;
  }

  /** @returns false: the run was stopped meanwhile */
  async #readToTop(run: number): Promise<boolean> {
    const { counts, reads } = this.#context;
    const intake = this.#intake;
    for (let hasMore = intake.kind !== 'ephemeral'; hasMore;) {
      counts.heals++;
      const result = await reads.read(intake.room, intake.position, this.#history);
      if (run !== this.#run) return false;
      intake.apply(result);
      hasMore = result.whole && result.more;
    }
    return true;
  }
}
