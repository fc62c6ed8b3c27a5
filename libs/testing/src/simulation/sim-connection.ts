import type { Joined, Member, Position, Publication, Subscription } from '@holdfast/backplane';
import type { Place, SimFrame } from './sim-frame.js';
import type { SimNode } from './sim-node.js';

/** Receives the frames of a connection. */
export interface SimReceiver {
  received(connection: SimConnection, frame: SimFrame): void;
}

/** Time and latency of the simulated network, in milliseconds. */
export interface SimNetwork {
  now(): number;
  schedule(task: () => void, delayMs: number): void;
  latencyMs(): number;
}

/**
 * A connection between a client and a node: a model of the gateway. Its outbox is bounded, and is emptied as fast as
 * the client reads.
 */
export class SimConnection implements Member {
  readonly subscriptions = new Map<string, Subscription>();
  /** Position of the last frame of each room, which the next frame has to follow. */
  readonly told = new Map<string, Place | null>();
  /** Rooms with a `joined` frame. */
  readonly hasJoined = new Set<string>();
  /** Publications that were delivered in ephemeral rooms. */
  readonly unnumbered = new Set<string>();
  readonly node: SimNode;
  readonly #network: SimNetwork;
  readonly #receiver: SimReceiver;
  readonly #capacity: number;
  #outbox: (readonly [Subscription, SimFrame])[] = [];
  #arrivesAt = 0;
  #isOpen = true;
  #isCarrying = false;
  #isCongested = false;
  /** The client does not read before this time. */
  #stalledUntil = 0;

  constructor(node: SimNode, network: SimNetwork, receiver: SimReceiver, capacity: number) {
    this.node = node;
    this.#network = network;
    this.#receiver = receiver;
    this.#capacity = capacity;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  join(room: string, since: Position | null): void {
    if (!this.#isOpen) return;
    this.told.set(room, since);
    this.hasJoined.delete(room);
    const subscription = this.node.hub.join(room, this, since);
    this.subscriptions.set(room, subscription);
  }

  leave(room: string): void {
    this.subscriptions.get(room)?.leave();
    this.subscriptions.delete(room);
  }

  /**
   * Breaks the connection: frames in flight are lost.
   *
   * @param noticeMs - milliseconds until the node detects it
   */
  cut(noticeMs: number): void {
    this.#isOpen = false;
    this.#outbox = [];
    this.#network.schedule(() => {
      for (const subscription of this.subscriptions.values()) subscription.leave();
      this.subscriptions.clear();
    }, noticeMs);
  }

  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#network.now() + ms);
  }

  joined(subscription: Subscription, joined: Joined): void {
    this.#send(subscription, { kind: 'joined', room: subscription.room, joined });
  }

  push(subscription: Subscription, publication: Publication): boolean {
    if (this.#outbox.length >= this.#capacity) {
      this.#isCongested = true;
      return false;
    }
    this.#send(subscription, { kind: 'publication', room: subscription.room, publication });
    return true;
  }

  skipped(subscription: Subscription, position: Position, dropped: number): void {
    this.#send(subscription, { kind: 'skipped', room: subscription.room, position, dropped });
  }

  degraded(): void {
    // There is nothing to check.
  }

  restored(): void {
    // As above.
  }

  #send(subscription: Subscription, frame: SimFrame): void {
    this.#outbox.push([subscription, frame]);
    if (!this.#isCarrying) this.#carry();
  }

  #carry(): void {
    this.#isCarrying = true;
    const now = this.#network.now();
    this.#arrivesAt = Math.max(this.#arrivesAt, now + this.#network.latencyMs(), this.#stalledUntil);
    this.#network.schedule(() => this.#arrive(), this.#arrivesAt - now);
  }

  /** Delivers all frames that were sent until now. */
  #arrive(): void {
    this.#isCarrying = false;
    const frames = this.#outbox;
    this.#outbox = [];
    for (const [subscription, frame] of frames) {
      // Frames from before the client left the room, or joined it again, are ignored.
      const isCurrent = this.subscriptions.get(frame.room) === subscription;
      if (this.#isOpen && isCurrent) this.#receiver.received(this, frame);
    }
    if (!this.#isCongested) return;
    this.#isCongested = false;
    for (const subscription of this.subscriptions.values()) subscription.resume();
  }
}
