import { BackplaneError } from '../contract/backplane-error.js';
import type { History } from '../contract/history.js';
import type { FeedContext } from './feed-context.js';
import type { Intake } from './intake.js';

/**
 * - `reading`: the log is read, at first or because something is missing; deliveries are kept meanwhile.
 * - `synced`: deliveries are taken as they come.
 * - `failed`: the log could not be read; it is read again later.
 * - `interrupted`: deliveries may be lost until the engine says otherwise.
 *
 *     new --> reading <--> synced        any --> interrupted --> reading        any --> ended
 *              |   ^
 *              v   |
 *             failed
 */
export type FollowerState = 'new' | 'reading' | 'synced' | 'failed' | 'interrupted' | 'ended';

/** Whom a follower works for. */
export interface LogFollowerOwner {
  /** Everything that is stored has been taken; from now on deliveries are enough. */
  synced(): void;
  failed(error: BackplaneError): void;
}

/**
 * Keeps an intake at the top of its log: it watches the room, reads what was stored before, and reads again whenever
 * something is missing. One read at a time.
 */
export class LogFollower {
  readonly #intake: Intake;
  readonly #history: History;
  readonly #context: FeedContext;
  readonly #owner: LogFollowerOwner;
  #state: FollowerState = 'new';
  /** Number of the run that may go on; what an earlier one was waiting for comes too late. */
  #run = 0;
  /** Something was found missing while the log was being read. */
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

  /** Reads up to the top. While it does, it does so once more. */
  read(): void {
    if (this.#state === 'reading') {
      this.#readsAgain = true;
    } else if (this.#state !== 'ended') {
      this.#state = 'reading';
      void this.#follow(++this.#run);
    }
  }

  /** What is under way has no effect any more, and nothing is taken until it reads. */
  stop(state: 'interrupted' | 'failed' | 'ended'): void {
    this.#run++;
    this.#state = state;
    this.#readsAgain = false;
    this.#intake.forgetKept();
    if (state !== 'ended') return;
    // One that is still under way holds the room when it has arrived.
    void this.#watching?.then(
      () => this.#context.watches.unwatch(this.#intake.room),
      () => undefined,
    );
  }

  async #follow(run: number): Promise<void> {
    try {
      // Deliveries have to be certain before the log is read: what is stored between the two would be lost otherwise.
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

  /** What was kept and does not follow was stored before it was delivered: the next read has it. */
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

  /** @returns false: something else has happened meanwhile, and this run is over. */
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
