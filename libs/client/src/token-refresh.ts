import type { Settings } from './options.js';
import type { TimerHandle } from './ports.js';
import type { Requests } from './requests.js';
import { takeToken } from './token.js';

/** Between two calls of the token provider. Less than that is no time to ask for a token once more. */
const pauseMs = 1_000;

/** What a refresh needs of its connection. */
export interface RefreshOwner {
  /** The server does not read at present. */
  isBlocked(): boolean;
  /** Sends a fresh token as a request with that id. */
  offer(token: string, id: number): void;
  /** The server has accepted the token. */
  accepted(token: string): void;
  /** The provider or the server rejected; the next try follows by itself while there is time. */
  failed(error: unknown): void;
}

/**
 * Gets fresh tokens when the server asks for them, one at a time, however often it asks (PROTOCOL.md 9.2 to 9.4, 9.7).
 */
export class TokenRefresh {
  readonly #settings: Settings;
  readonly #requests: Requests;
  readonly #owner: RefreshOwner;
  #timer: TimerHandle;
  #isStopped = false;
  /** A fresh token was sent, and nothing tells yet that the server has read it. */
  #isOffered = false;
  /** When the token expires, by what the server said last. Monotonic. */
  #expiresAt = 0;
  /** The server wants a fresh token. */
  #isAsked = false;
  /** One is on its way, or must not be yet. */
  #isBusy = false;

  constructor(settings: Settings, requests: Requests, owner: RefreshOwner) {
    this.#settings = settings;
    this.#requests = requests;
    this.#owner = owner;
  }

  /** The server asks: for a token now or, while one is on its way, for one afterwards. */
  asked(expiresInMs: number): void {
    this.#expiresAt = this.#settings.ports.clock.now() + expiresInMs;
    this.#isAsked = true;
    void this.#refresh();
  }

  stop(): void {
    this.#isStopped = true;
    this.#settings.ports.clock.cancel(this.#timer);
  }

  /** Gets a fresh token, and if that fails, tries again in half of the time that is left. */
  async #refresh(): Promise<void> {
    const { token: provider, requestTimeoutMs, ports } = this.#settings;
    if (!provider || !this.#isAsked || this.#isBusy) return;
    const { clock } = ports;
    let halfMs = 0;
    this.#isAsked = false;
    this.#isBusy = true;
    try {
      const token = await takeToken(provider);
      if (token && !this.#isStopped) {
        const id = this.#requests.nextId();
        if (!this.#isOffered || !this.#owner.isBlocked()) this.#owner.offer(token, id);
        this.#isOffered = true;
        const request = this.#requests.open(id, {}, requestTimeoutMs);
        request.sentOn = this;
        await request.promise;
        this.#isOffered = false;
        this.#owner.accepted(token);
      }
    } catch (error) {
      // A HoldfastError: neither the provider nor the request rejects with anything else.
      if (!this.#isStopped) this.#owner.failed(error);
      halfMs = (this.#expiresAt - clock.now()) / 2;
      this.#isAsked ||= halfMs >= pauseMs;
    }
    if (this.#isStopped) return;
    this.#timer = clock.schedule(
      () => {
        this.#isBusy = false;
        void this.#refresh();
      },
      Math.max(pauseMs, halfMs),
    );
  }
}
