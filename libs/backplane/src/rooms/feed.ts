import type { ReadResult } from '../contract/backplane.js';
import type { BackplaneError } from '../contract/backplane-error.js';
import { roomKindOf } from '../contract/history.js';
import { isSamePosition, type Position, type Publication } from '../contract/position.js';
import type { Due } from './agenda.js';
import { CatchUp } from './catch-up.js';
import { Cursor } from './cursor.js';
import type { FeedContext } from './feed-context.js';
import { Intake } from './intake.js';
import { LogFollower, type LogFollowerOwner } from './log-follower.js';
import { Openings } from './openings.js';
import { PageQueue, type PageQueueFeed } from './page-queue.js';
import { PositionDoubt } from './position-doubt.js';
import { Ring } from './ring.js';
import type { RoomPolicy } from './room-policy.js';
import { Stash } from './stash.js';
import { type Member, Subscription, type SubscriptionOwner } from './subscription.js';

/**
 * One room on one node. Deliveries may be lost, repeated and reordered; the feed restores the log of the room from
 * them, by reading what is missing, and passes it to the members. It exists from the first member until some time after
 * the last one has left.
 */
export class Feed implements SubscriptionOwner, PageQueueFeed, LogFollowerOwner, Due {
  readonly policy: RoomPolicy;
  readonly intake: Intake;
  dueAt = Infinity;
  readonly #context: FeedContext;
  readonly #follower: LogFollower;
  readonly #catchUp: CatchUp;
  #failures = 0;
  #degradedBy: BackplaneError | undefined;
  readonly #doubt = new PositionDoubt();
  /** A read for members failed. */
  #hasFailedPage = false;
  readonly #openings = new Openings();
  /** When it ends, if it has no members. */
  #lingersUntil = 0;

  constructor(room: string, policy: RoomPolicy, context: FeedContext) {
    const { counts, rings, settings } = context;
    const kind = roomKindOf(policy.history);
    const ring = new Ring(rings, kind === 'latest' ? 1 : settings.ringItems);
    this.policy = policy;
    this.#context = context;
    this.intake = new Intake(room, kind, ring, new Stash(settings.stashItems), counts);
    this.#follower = new LogFollower(this.intake, policy.history, context, this);
    this.#catchUp = new CatchUp(this, new PageQueue(this, settings.pageItems), counts);
  }

  get room(): string {
    return this.intake.room;
  }

  /** null in a room without history, and before the log was read for the first time. */
  get position(): Position | null {
    return this.intake.position;
  }

  /**
   * Whether members can become live: the log has been read, and no publication is being pushed at this moment. In an
   * ephemeral room they can also while the engine is away, because deliveries on this node do not need it.
   */
  get isReady(): boolean {
    const isSynced = this.#follower.state === 'synced';
    const isLocal = this.#degradedBy !== undefined && this.intake.kind === 'ephemeral';
    return (isSynced || isLocal) && !this.intake.isPushing;
  }

  /** Resolves with the position once the log was read. Rejects when the engine is not available. */
  open(): Promise<Position | null> {
    if (this.#degradedBy) return Promise.reject(this.#degradedBy);
    if (this.#follower.state === 'synced') {
      this.#lingerIfEmpty();
      return Promise.resolve(this.position);
    }
    if (this.#follower.state === 'new') this.#follower.read();
    return this.#openings.wait();
  }

  join(member: Member, since: Position | null): Subscription {
    const subscription = new Subscription(this, member, new Cursor(since));
    this.intake.members.add(subscription);
    if (this.#degradedBy) member.degraded(subscription, this.#degradedBy);
    if (this.#follower.state === 'new') this.#follower.read();
    else this.settle(subscription);
    return subscription;
  }

  settle(subscription: Subscription): void {
    this.#catchUp.settle(subscription);
  }

  resume(subscription: Subscription): void {
    if (subscription.behind) subscription.behind.isPaused = false;
    this.settle(subscription);
  }

  leave(subscription: Subscription): void {
    this.intake.members.remove(subscription);
    this.#lingerIfEmpty();
  }

  /**
   * @param isOwn - known from the reply to a publish of this node. The reply may arrive before deliveries of earlier
   * publications.
   */
  delivered(publication: Publication, isOwn: boolean): void {
    this.#doubt.delivered();
    const { state } = this.#follower;
    const isEphemeral = this.intake.kind === 'ephemeral';
    if (this.intake.isPushing || (state === 'reading' && !isEphemeral)) {
      this.intake.keep(publication);
    } else if (state === 'synced' || isEphemeral) {
      const isTaken = this.intake.take(publication);
      if (!isTaken && !isOwn) {
        this.#context.counts.holes++;
        this.heal();
      } else if (this.intake.isIncomplete) {
        // The missing deliveries are probably on their way.
        this.#attendIn(this.#context.settings.tickMs);
      }
      this.#catchUp.settleDeferred();
    }
  }

  /** Reads the log, because something is missing or the log is at another position. */
  heal(): void {
    const { state } = this.#follower;
    if (state === 'synced' || state === 'reading') this.#follower.read();
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

  pageFailed(): void {
    this.#hasFailedPage = true;
    this.#attendIn(this.#retryMs(0));
  }

  learn(result: ReadResult): void {
    const { intake } = this;
    const items = result.whole ? result.items : [];
    for (const item of items) {
      if (this.isReady && intake.isNext(item)) this.delivered(item, true);
    }
    // A page that ends before the top is no reason to read: deliveries may be on their way.
    const isTop = !(result.whole && result.more);
    if (isTop && (result.top.epoch !== intake.epoch || result.top.offset > intake.offset)) this.heal();
  }

  interrupted(cause: BackplaneError): void {
    this.#follower.stop('interrupted');
    this.#degrade(cause);
  }

  resumed(): void {
    if (this.#follower.state === 'interrupted') this.#follower.read();
  }

  synced(): void {
    this.#failures = 0;
    const wasDegraded = this.#degradedBy !== undefined;
    this.#degradedBy = undefined;
    if (this.#openings.resolve(this.position)) this.#lingerIfEmpty();
    if (wasDegraded) this.intake.members.each((subscription) => subscription.member.restored(subscription));
    this.#catchUp.settleAll();
  }

  failed(error: BackplaneError): void {
    this.#attendIn(this.#retryMs(this.#failures++));
    if (this.#openings.reject(error)) this.#lingerIfEmpty();
    // One failed read is repeated first. A member that waits for its first position is told at once.
    if (this.#failures > 1 || this.position === null) this.#degrade(error);
  }

  /** The position, if it has to be compared with the log: there was no delivery since the last call. Otherwise null. */
  toBeChecked(): Position | null {
    return this.#doubt.takeQuiet() && this.#follower.state === 'synced' ? this.position : null;
  }

  /**
   * The result of a position check.
   *
   * @param at - the position of this feed when the check began
   * @param top - the position of the log
   */
  checked(at: Position, top: Position | null): void {
    const { position } = this;
    if (!position || !isSamePosition(position, at) || (top && isSamePosition(position, top))) return;
    this.#doubt.raise(position);
    this.#attendIn(this.#context.settings.confirmMs);
  }

  attend(): void {
    const restMs = this.#lingersUntil - this.#context.clock.now();
    if (this.#isEmpty && restMs <= 0) {
      this.end();
      return;
    }
    const isDoubted = this.#doubt.takeConfirmed(this.position);
    if (isDoubted) this.#context.counts.mismatches++;
    if (this.#follower.state === 'failed') this.#follower.read();
    else if (this.intake.isIncomplete || this.#hasFailedPage || isDoubted) this.heal();
    this.#hasFailedPage = false;
    if (this.#isEmpty) this.#attendIn(restMs);
  }

  /** Stops following the room. No member is called afterwards. */
  end(): void {
    this.#follower.stop('ended');
    this.intake.ring.clear();
    this.#context.agenda.remove(this);
    this.#context.ended(this.room);
  }

  #degrade(cause: BackplaneError): void {
    if (this.#openings.reject(cause)) this.#lingerIfEmpty();
    if (this.#degradedBy) return;
    this.#degradedBy = cause;
    this.intake.members.each((subscription) => subscription.member.degraded(subscription, cause));
    if (this.isReady) this.#catchUp.settleAll();
  }

  get #isEmpty(): boolean {
    return this.intake.members.size === 0 && this.#openings.isEmpty;
  }

  #lingerIfEmpty(): void {
    if (!this.#isEmpty) return;
    const { clock, random, settings } = this.#context;
    const delayMs = settings.lingerMs * (1 + 4 * random.next());
    this.#lingersUntil = clock.now() + delayMs;
    this.#attendIn(delayMs);
  }

  #retryMs(failures: number): number {
    const { random, settings } = this.#context;
    const longestMs = Math.min(settings.maxRetryMs, settings.retryMs * 2 ** failures);
    return (longestMs * (1 + random.next())) / 2;
  }

  #attendIn(delayMs: number): void {
    // A reply may arrive after the end. Another feed may serve this room by then, and must not be affected.
    if (this.#follower.state === 'ended') return;
    const { agenda, clock } = this.#context;
    agenda.add(this, clock.now() + delayMs);
  }
}
