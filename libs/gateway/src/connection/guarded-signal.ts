import type { BoundedLog } from '../ground/index.js';

type AddArguments = Parameters<AbortSignal['addEventListener']>;
type Listener = NonNullable<AddArguments[1]>;
/** A listener may be asynchronous, whatever its type says. */
type AnyListener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type Guard = (event: Event) => void;

/**
 * Sees to it that a listener of a signal that throws, or rejects, stops nobody: Node makes an uncaught exception of
 * that, which ends the process. The signal is otherwise what it was, for `fetch`, timers and `AbortSignal.any`. One
 * that the application derives from it, by `AbortSignal.any`, is the application's own, and so are its listeners.
 *
 * @param failed - told what a listener threw.
 */
export function guardListeners(signal: AbortSignal, failed: (error: unknown) => void): void {
  // One guard for each listener, so that adding it twice is adding it once, and removing finds it.
  const guards = new WeakMap<Listener, Guard>();
  const guardOf = (listener: Listener): Guard => {
    const known = guards.get(listener);
    if (known) return known;
    const guard: Guard = (event) => void call(listener, signal, event, failed);
    // A signal that a listener was added with removes what it knows, which is the guard.
    guards.set(listener, guard).set(guard, guard);
    return guard;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let onabort: unknown = null;
  Object.defineProperties(signal, {
    addEventListener: {
      configurable: true,
      writable: true,
      value: (...[type, listener, options]: AddArguments) => {
        add(type, isListener(listener) ? guardOf(listener) : listener, options);
      },
    },
    removeEventListener: {
      configurable: true,
      writable: true,
      value: (...[type, listener, options]: AddArguments) => {
        remove(type, isListener(listener) ? guardOf(listener) : listener, options);
      },
    },
    onabort: {
      configurable: true,
      get: () => onabort,
      set: (listener: unknown) => {
        onabort = typeof listener === 'function' ? listener : null;
        // The setter that every signal has, which is not its own.
        Reflect.set(AbortSignal.prototype, 'onabort', isListener(onabort) ? guardOf(onabort) : null, signal);
      },
    },
  });
}

/** What is no listener is left for the signal to refuse. */
function isListener(value: unknown): value is Listener {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}

/** Runs as far as the first `await` of the listener before it returns. */
async function call(
  listener: AnyListener,
  signal: AbortSignal,
  event: Event,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    await (typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event));
  } catch (error) {
    failed(error);
  }
}

/** @returns an abort of one connection, whose listeners disturb nobody: what they throw is written to `log`. */
export function guardedAbort(log: BoundedLog): AbortController {
  const abort = new AbortController();
  guardListeners(abort.signal, (error) => {
    log.error('signal', 'A listener of the signal of a connection failed', error);
  });
  return abort;
}
