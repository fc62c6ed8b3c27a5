import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Rooms } from '@holdfast/gateway';
import { exhaustMap, interval, type Subscription } from 'rxjs';

/** Injects the name of this process among those that share a Redis. */
export const NODE_NAME = Symbol('NODE_NAME');

export const counterRoom = 'counter';

const everyMs = 250;

/**
 * Counts in a room with history, so that a page sees whether it has missed or repeated anything. All nodes count in
 * turns: whichever of them ends, the others go on. Exists in demo mode only, see {@link AppModule}.
 */
@Injectable()
export class CounterService implements OnModuleInit, OnModuleDestroy {
  #turns?: Subscription;
  /** The last number when this node looked last. */
  #seen?: number;

  constructor(
    private readonly rooms: Rooms<{ count: { number: number; node: string } }>,
    @Inject(NODE_NAME) private readonly node: string,
  ) {}

  onModuleInit(): void {
    // A turn that failed, because Redis is away, is followed by the next one; an error would end them all.
    this.#turns = interval(everyMs)
      .pipe(exhaustMap(() => this.#turn().catch(() => undefined)))
      .subscribe();
  }

  onModuleDestroy(): void {
    this.#turns?.unsubscribe();
  }

  async #turn(): Promise<void> {
    const last = (await this.rooms.position(counterRoom))?.offset ?? 0;
    const isMine = last === this.#seen;
    this.#seen = last;
    // Another node has counted since then, and this one waits.
    if (!isMine) return;
    const number = last + 1;
    // Two nodes may have read the same number, or this process was stopped since it read it: the key makes the second
    // publication one that is not published.
    await this.rooms.to(counterRoom).emit('count', { number, node: this.node }, { once: String(number) });
    this.#seen = number;
  }
}
