import type { ClientPorts, TimerHandle } from './ports.js';

const periodMs = 5_000;

/**
 * Notices that the page, the machine or the network is back: by events where there are any, and by jumps of the clock.
 */
export class WakeWatch {
  readonly #ports: Readonly<ClientPorts>;
  readonly #listener: (what: 'online' | 'wake') => void;
  #timer: TimerHandle;
  #lastAt = 0;
  #unwatch: (() => void) | undefined;

  constructor(ports: Readonly<ClientPorts>, listener: (what: 'online' | 'wake') => void) {
    this.#ports = ports;
    this.#listener = listener;
  }

  start(): void {
    if (this.#unwatch) return;
    this.#unwatch = this.#ports.surroundings.watch(this.#listener);
    this.#tick();
  }

  stop(): void {
    this.#ports.clock.cancel(this.#timer);
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  #tick(): void {
    this.#lastAt = this.#ports.clock.wallNow();
    const look = (): void => {
      // Twice as long as it should have been, or backwards: time went by without us.
      const hasJumped = Math.abs(this.#ports.clock.wallNow() - this.#lastAt - periodMs) > periodMs;
      this.#tick();
      if (hasJumped) this.#listener('wake');
    };
    this.#timer = this.#ports.clock.schedule(look, periodMs, true);
  }
}
