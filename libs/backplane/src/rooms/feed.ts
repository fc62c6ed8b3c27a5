import type { ReadResult } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import { roomKindOf } from '../contract/history.js';
import { isSamePosition, type Position, type Publication } from '../contract/position.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Agenda, Due } from './agenda.js';
import { CatchUp } from './catch-up.js';
import { Cursor } from './cursor.js';
import type { HubCounts } from './hub-counts.js';
import type { HubSettings } from './hub-settings.js';
import { Intake } from './intake.js';
import { PageQueue, type PageQueueFeed } from './page-queue.js';
import type { PageReads } from './page-reads.js';
import { Ring, type Rings } from './ring.js';
import type { RoomPolicy } from './room-policy.js';
import { Stash } from './stash.js';
import { type Member, Subscription, type SubscriptionOwner } from './subscription.js';
import type { Watches } from './watches.js';

/** What all feeds of a node share. */
export interface FeedContext {
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly counts: HubCounts;
  readonly random: Random;
  readonly reads: PageReads;
  readonly rings: Rings;
  readonly settings: HubSettings;
  readonly watches: Watches;
  /** The feed has ended: no delivery concerns it any more. */
  ended(feed: Feed): void;
}

/**
 * - `reading`: the log is read, at first or because something is missing; deliveries are kept meanwhile.
 * - `synced`: deliveries are taken as they come.
 * - `failed`: the log could not be read; it will be tried again.
 * - `interrupted`: deliveries may be lost until the engine says otherwise.
 */
type FeedState = 'new' | 'reading' | 'synced' | 'failed' | 'interrupted' | 'ended';

interface Opening {
  readonly resolve: (position: Position | null) => void;
  readonly reject: (error: BackplaneError) => void;
}

/**
 * One room on one node: it turns deliveries that may be lost, repeated and swapped into the log of the room, by reading
 * what is missing.
 *
 *     new --> reading <--> synced        any --> interrupted --> reading        any --> ended
 *              |   ^
 *              v   |
 *             failed
 */
export class Feed implements SubscriptionOwner, PageQueueFeed, Due {
  readonly policy: RoomPolicy;
  readonly intake: Intake;
  dueAt = Infinity;
  readonly #context: FeedContext;
  readonly #catchUp: CatchUp;
  #state: FeedState = 'new';
  /** Number of the run that may go on; what an earlier one was waiting for comes too late. */
  #run = 0;
  /** Something was found missing while the log was being read. */
  #readsAgain = false;
  #watching: Promise<void> | undefined;
  #failures = 0;
  #degradedBy: BackplaneError | undefined;
  /** Where it stood when the log turned out to stand elsewhere. */
  #doubtedAt: Position | undefined;
  /** Nothing has come since positions were checked last. */
  #isQuiet = false;
  #openings: Opening[] | undefined;

  constructor(room: string, policy: RoomPolicy, context: FeedContext) {
    const { counts, rings, settings } = context;
    const kind = roomKindOf(policy.history);
    const ring = new Ring(rings, kind === 'latest' ? 1 : settings.ringItems);
    this.policy = policy;
    this.#context = context;
    this.intake = new Intake(room, kind, ring, new Stash(settings.stashItems), counts);
    this.#catchUp = new CatchUp(this, new PageQueue(this, settings.pageItems), counts);
  }

  get room(): string {
    return this.intake.room;
  }

  /** null in ephemeral rooms, and before the room was read. */
  get position(): Position | null {
    return this.intake.position;
  }

  /** Whether members can meet it: it has read the log, and every member has got what it has taken. */
  get isReady(): boolean {
    return this.#state === 'synced' && !this.intake.isPushing;
  }

  /** Resolves as soon as there is a position. Rejects when the engine cannot be asked now. */
  open(): Promise<Position | null> {
    if (this.#state === 'synced') {
      this.#lingerIfEmpty();
      return Promise.resolve(this.position);
    }
    if (this.#degradedBy) return Promise.reject(this.#degradedBy);
    if (this.#state === 'new') this.#start();
    return new Promise((resolve, reject) => {
      (this.#openings ??= []).push({ resolve, reject });
    });
  }

  join(member: Member, since: Position | null): Subscription {
    const subscription = new Subscription(this, member, new Cursor(since));
    this.intake.members.add(subscription);
    if (this.#degradedBy) member.degraded(subscription, this.#degradedBy);
    if (this.#state === 'new') this.#start();
    else this.#catchUp.settle(subscription);
    return subscription;
  }

  resume(subscription: Subscription): void {
    if (subscription.behind) subscription.behind.isPaused = false;
    this.settle(subscription);
  }

  settle(subscription: Subscription): void {
    this.#catchUp.settle(subscription);
  }

  leave(subscription: Subscription): void {
    this.intake.members.remove(subscription);
    this.#lingerIfEmpty();
  }

  /** @param isOwn - it is the answer to a publish of this node, which may overtake deliveries of other nodes. */
  delivered(publication: Publication, isOwn: boolean): void {
    this.#isQuiet = false;
    if (this.#state === 'reading' || (this.#state === 'synced' && this.intake.isPushing)) {
      this.intake.keep(publication);
      return;
    }
    if (this.#state !== 'synced') return;
    const { agenda, clock, counts, settings } = this.#context;
    const isTaken = this.intake.take(publication);
    if (!isTaken && !isOwn) {
      counts.holes++;
      this.heal();
    } else if (this.intake.isIncomplete) {
      // What is missing is on its way, most likely.
      agenda.add(this, clock.now() + settings.tickMs);
    }
    this.#catchUp.settleDeferred();
  }

  /** Something is missing, or the log stands elsewhere: reads it. */
  heal(): void {
    if (this.#state === 'reading') this.#readsAgain = true;
    else if (this.#state === 'synced') this.#start();
  }

  async readPage(since: Position): Promise<ReadResult | undefined> {
    const { counts, reads } = this.#context;
    counts.pages++;
    try {
      return await reads.read(this.room, since, this.policy.history);
    } catch {
      counts.failedReads++;
      return undefined;
    }
  }

  learn(result: ReadResult): void {
    const { intake } = this;
    const items = result.whole ? result.items : [];
    for (const item of items) {
      if (this.isReady && intake.isNext(item)) this.delivered(item, true);
    }
    // Of a page that ends before the top it is too early to say.
    const isTop = !(result.whole && result.more);
    if (isTop && (result.top.epoch !== intake.epoch || result.top.offset > intake.offset)) this.heal();
  }

  interrupted(cause: BackplaneError): void {
    if (this.#state === 'ended' || this.#state === 'new') return;
    this.#stop('interrupted');
    this.#degrade(cause);
  }

  resumed(): void {
    if (this.#state === 'interrupted') this.#start();
  }

  /** Its position, when it has to be compared with the log: in a room where nothing has come since this was asked last. */
  toBeChecked(): Position | null {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    return wasQuiet && this.#state === 'synced' ? this.position : null;
  }

  /** @param at - its position when the top was asked for */
  checked(at: Position, top: Position | null): void {
    const { position } = this;
    if (!position || !isSamePosition(position, at) || (top && isSamePosition(position, top))) return;
    const { agenda, clock, settings } = this.#context;
    this.#doubtedAt = position;
    agenda.add(this, clock.now() + settings.confirmMs);
  }

  attend(): void {
    if (this.intake.members.size === 0 && !this.#openings) {
      this.end();
    } else if (this.#state === 'failed') {
      this.#start();
    } else if (this.intake.isIncomplete || this.#isStillDoubted()) {
      this.heal();
    }
  }

  /** Nothing is taken or called any more. */
  end(): void {
    if (this.#state === 'ended') return;
    this.#stop('ended');
    this.intake.ring.clear();
    this.#context.agenda.remove(this);
    this.#context.ended(this);
    void this.#watching?.then(
      () => this.#context.watches.unwatch(this.room),
      () => undefined,
    );
  }

  #start(): void {
    this.#state = 'reading';
    void this.#read(++this.#run);
  }

  #stop(state: 'interrupted' | 'failed' | 'ended'): void {
    this.#run++;
    this.#state = state;
    this.#readsAgain = false;
    this.intake.forgetKept();
  }

  async #read(run: number): Promise<void> {
    try {
      // Deliveries have to be certain before the log is read: what is stored between the two would be lost otherwise.
      await this.#watch();
      if (run !== this.#run) return;
      do {
        this.#readsAgain = false;
        if (!(await this.#readToTop(run))) return;
        this.intake.takeKept();
        // What was kept and does not follow was stored before it was delivered: the next read has it.
      } while (this.intake.forgetKept() || this.#readsAgain);
      this.#synced();
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      if (run === this.#run) this.#failed(error);
    }
  }

  #watch(): Promise<void> {
    this.#watching ??= this.#context.watches.watch(this.room).catch((error: unknown) => {
      this.#watching = undefined;
      throw error;
    });
    return this.#watching;
  }

  /** @returns false: something else has happened meanwhile, and this run is over. */
  async #readToTop(run: number): Promise<boolean> {
    const { counts, reads } = this.#context;
    const { intake, policy, room } = this;
    for (let hasMore = intake.kind !== 'ephemeral'; hasMore; ) {
      counts.heals++;
      const result = await reads.read(room, intake.position, policy.history);
      if (run !== this.#run) return false;
      intake.apply(result);
      hasMore = result.whole && result.more;
    }
    return true;
  }

  #synced(): void {
    this.#state = 'synced';
    this.#failures = 0;
    this.#settleOpenings(({ resolve }) => resolve(this.position));
    if (this.#degradedBy) {
      this.#degradedBy = undefined;
      this.intake.members.each((subscription) => subscription.member.restored(subscription));
    }
    this.#catchUp.settleAll();
  }

  #failed(error: BackplaneError): void {
    const { agenda, clock, counts, random, settings } = this.#context;
    counts.failedReads++;
    this.#stop('failed');
    const longestMs = Math.min(settings.maxRetryMs, settings.retryMs * 2 ** this.#failures++);
    agenda.add(this, clock.now() + (longestMs * (1 + random.next())) / 2);
    this.#settleOpenings(({ reject }) => reject(error));
    // A single lost answer is no outage; who has no position yet hears of it at once.
    if (this.#failures > 1 || this.intake.epoch === '') this.#degrade(error);
  }

  #degrade(cause: BackplaneError): void {
    this.#settleOpenings(({ reject }) => reject(cause));
    if (this.#degradedBy) return;
    this.#degradedBy = cause;
    this.intake.members.each((subscription) => subscription.member.degraded(subscription, cause));
  }

  #settleOpenings(settle: (opening: Opening) => void): void {
    this.#openings?.forEach(settle);
    this.#openings = undefined;
    this.#lingerIfEmpty();
  }

  #isStillDoubted(): boolean {
    const { position } = this;
    const isStill = this.#doubtedAt !== undefined && position !== null && isSamePosition(position, this.#doubtedAt);
    this.#doubtedAt = undefined;
    if (isStill) this.#context.counts.mismatches++;
    return isStill;
  }

  #lingerIfEmpty(): void {
    if (this.intake.members.size > 0) return;
    const { agenda, clock, random, settings } = this.#context;
    agenda.add(this, clock.now() + settings.lingerMs * (1 + 4 * random.next()));
  }
}
