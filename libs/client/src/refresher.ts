import { HoldfastError, tokenProviderFailed } from './errors.js';
import { type TokenProvider } from './options.js';
import { type Clock, type TimerHandle } from './ports.js';

/** Less than that is no time to ask once more. */
const shortestWaitMs = 1_000;

/** Brings the fresh token that the server asks for (PROTOCOL.md 9), again in half of the time that is left if it must. */
export class Refresher {
  readonly #clock: Clock;
  readonly #provider: TokenProvider;
  readonly #present: (token: string) => Promise<void>;
  readonly #tell: (error: HoldfastError) => void;
  #timer: TimerHandle = undefined;
  #isOver = false;

  /**
   * @param present - sends the token, and rejects with what the server says against it.
   * @param tell - told of each failure.
   */
  constructor(
    clock: Clock,
    provider: TokenProvider,
    present: (token: string) => Promise<void>,
    tell: (error: HoldfastError) => void,
  ) {
    this.#clock = clock;
    this.#provider = provider;
    this.#present = present;
    this.#tell = tell;
  }

  /** The token expires in so many milliseconds. */
  async refresh(expiresInMs: number): Promise<void> {
    const expiresAt = this.#clock.now() + expiresInMs;
    try {
      await this.#renew();
    } catch (error) {
      if (this.#isOver) return;
      this.#tell(error instanceof HoldfastError ? error : tokenProviderFailed(error));
      const leftMs = expiresAt - this.#clock.now();
      if (leftMs / 2 < shortestWaitMs) return;
      this.#timer = this.#clock.schedule(() => void this.refresh(expiresAt - this.#clock.now()), leftMs / 2);
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#clock.cancel(this.#timer);
  }

  async #renew(): Promise<void> {
    const token = await this.#provider();
    if (token !== undefined && !this.#isOver) await this.#present(token);
  }
}
