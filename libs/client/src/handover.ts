import { longestWaitMs } from './backoff.js';
import type { Link } from './link.js';
import type { Settings } from './options.js';
import type { TimerHandle } from './ports.js';

/**
 * Opens the next connection while the present one still serves (PROTOCOL.md 10.8). An attempt may meet the server that
 * is shutting down once more, so it is repeated.
 */
export class Handover {
  readonly #settings: Settings;
  readonly #open: () => Link;
  #link: Link | undefined;
  #timer: TimerHandle;
  #failed = 0;

  /** @param open - makes a connection. */
  constructor(settings: Settings, open: () => Link) {
    this.#settings = settings;
    this.#open = open;
  }

  /** The present attempt. */
  get link(): Link | undefined {
    return this.#link;
  }

  begin(): void {
    this.stop();
    this.#failed = 0;
    this.#attempt();
  }

  /** The present attempt has failed. */
  failed(): void {
    const { ports, backoff } = this.#settings;
    this.#link = undefined;
    const waitMs = ports.random.next() * longestWaitMs(this.#failed++, backoff);
    this.#timer = ports.clock.schedule(() => this.#attempt(), waitMs);
  }

  /** The present attempt has become the connection. */
  done(): void {
    this.#link = undefined;
  }

  #attempt(): void {
    this.#link = this.#open();
    this.#link.start();
  }

  stop(): void {
    this.#settings.ports.clock.cancel(this.#timer);
    this.#link?.close();
    this.#link = undefined;
  }
}
