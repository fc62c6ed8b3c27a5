/** An armed timer; pass it back to {@link Clock.cancel}. */
export type TimerHandle = unknown;

/**
 * Time as a port, so that minutes of coming back run in milliseconds in a test. `ManualClock` of `@holdfast/testing`
 * fits.
 *
 * @publicApi
 */
export interface Clock {
  /** Monotonic milliseconds; may stand still while the machine sleeps. Only differences have a meaning. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  wallNow(): number;
  /**
   * Calls `task` once after `delayMs`; never, when that is Infinity.
   *
   * @param isBackground - a process that has nothing else to do need not wait for it.
   */
  schedule(task: () => void, delayMs: number, isBackground?: boolean): TimerHandle;
  /** Forgets an armed timer; one that has fired or is unknown is ignored. */
  cancel(handle: TimerHandle): void;
}

/**
 * Randomness as a port, so that jitter is repeatable under a seed.
 *
 * @publicApi
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/**
 * What the machine knows about its network and about us.
 *
 * @publicApi
 */
export interface Surroundings {
  /** False when there is certainly no network; true when nobody knows. */
  isOnline(): boolean;
  /**
   * Calls `listener` when the network is back (`online`), and when the page is shown or thawed (`wake`). Returns its
   * end.
   */
  watch(listener: (what: 'online' | 'wake') => void): () => void;
}

/**
 * The part of the standard `WebSocket` that the client uses. That of browsers, of Node 22 and later, and of `ws` fit.
 *
 * @publicApi
 */
export interface WebSocketLike {
  readonly protocol: string;
  readonly readyState: number;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Only `ws` has it: ends a dead connection without waiting for an answer to the close. */
  terminate?(): void;
  /** Only `ws` has it: tells of the HTTP answer that refused the handshake. */
  on?(event: 'unexpected-response', listener: (request: unknown, response: HttpResponseLike) => void): unknown;
}

/**
 * The part of an HTTP answer of Node that the client uses.
 *
 * @publicApi
 */
export interface HttpResponseLike {
  readonly statusCode?: number;
  once(event: 'readable', listener: () => void): unknown;
  read(): unknown;
}

/**
 * Makes a socket; the standard `WebSocket` class is one.
 *
 * @publicApi
 */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/**
 * What the client is given of the world outside. Everything but tests leaves it alone.
 *
 * @publicApi
 */
export interface ClientPorts {
  clock: Clock;
  random: Random;
  surroundings: Surroundings;
}

/** The longest delay that timers of platforms can count; beyond it they fire at once. */
const longestDelayMs = 2 ** 31 - 1;

interface SystemTimer {
  id?: ReturnType<typeof setTimeout>;
}

/** Timers of Node keep its process alive; those of browsers are numbers. */
type NodeTimer = { unref?(): void } | undefined;

const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule(task, delayMs, isBackground) {
    const timer: SystemTimer = {};
    const arm = (leftMs: number): void => {
      const nextMs = Math.min(leftMs, longestDelayMs);
      timer.id = setTimeout(() => (leftMs > nextMs ? arm(leftMs - nextMs) : task()), nextMs);
    };
    // A timer for ever would keep Node alive for ever.
    if (delayMs < Infinity) arm(delayMs);
    // Safe: a number has no `unref` either.
    if (isBackground) (timer.id as NodeTimer)?.unref?.();
    return timer;
  },
  // Safe: the port hands out opaque handles; those of this clock are its own.
  cancel: (handle) => clearTimeout((handle as SystemTimer | undefined)?.id),
};

/** What a browser's window has, and a worker and Node have in part. */
export const platform: {
  readonly WebSocket?: WebSocketConstructor;
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: Document;
  readonly addEventListener?: Window['addEventListener'];
  readonly removeEventListener?: Window['removeEventListener'];
} = globalThis;

/** In Node there is nothing to listen to, and nothing is missed. */
const systemSurroundings: Surroundings = {
  isOnline: () => platform.navigator?.onLine ?? true,
  watch(listener) {
    const page = platform.document;
    const online = (): void => listener('online');
    const shown = (): void => {
      if (page?.visibilityState !== 'hidden') listener('wake');
    };
    const sources = [
      [platform, 'online', online],
      [platform, 'pageshow', shown],
      [page, 'visibilitychange', shown],
      [page, 'resume', shown],
    ] as const;
    for (const [source, event, handler] of sources) source?.addEventListener?.(event, handler);
    return () => {
      for (const [source, event, handler] of sources) source?.removeEventListener?.(event, handler);
    };
  },
};

/** Those of the browser or of Node. */
export const systemPorts: ClientPorts = {
  clock: systemClock,
  random: { next: () => Math.random() },
  surroundings: systemSurroundings,
};
