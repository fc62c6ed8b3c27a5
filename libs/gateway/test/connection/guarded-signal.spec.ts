import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { PassThrough, addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { guardListeners } from '../../src/connection/guarded-signal.js';

const reason = new Error('it has ended');

/** A guarded signal, what its listeners have thrown, and the end of it. */
function guarded() {
  const aborter = new AbortController();
  const failures: unknown[] = [];
  guardListeners(aborter.signal, (error) => failures.push(error));
  return {
    signal: aborter.signal,
    failures,
    abort: () => {
      aborter.abort(reason);
    },
  };
}

describe('a listener that fails', () => {
  it('is told of, each once and in order, and those after it are called', async () => {
    const { signal, failures, abort } = guarded();
    const called: string[] = [];
    const failing = (what: string) => (): never => {
      throw new Error(what);
    };
    signal.addEventListener('abort', failing('a function'));
    signal.addEventListener('abort', { handleEvent: failing('an object') });
    // An async function, which no type of a listener allows for.
    const later: () => unknown = () => Promise.resolve().then(failing('an async function'));
    signal.addEventListener('abort', later);
    signal.onabort = failing('the property');
    signal.addEventListener('abort', () => called.push('last'));
    abort();
    expect(called).toEqual(['last']);
    expect(failures).toEqual([new Error('a function'), new Error('an object'), new Error('the property')]);
    await expect.poll(() => failures).toHaveLength(4);
    expect(failures[3]).toEqual(new Error('an async function'));
  });
});

describe('a guarded signal does what any signal does', () => {
  it('calls a listener once however often it was added, with the event, and itself as this', () => {
    const { signal, abort } = guarded();
    const calls: unknown[] = [];
    const listener = function (this: unknown, event: Event): void {
      calls.push([this, event.type, event.target]);
    };
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', listener);
    abort();
    expect(calls).toEqual([[signal, 'abort', signal]]);
  });

  it('lets listeners be removed: by hand, by once, by another signal', () => {
    const { signal, abort } = guarded();
    let calls = 0;
    const listener = (): void => {
      calls++;
    };
    const object = { handleEvent: listener };
    const other = new AbortController();
    signal.addEventListener('abort', listener);
    signal.removeEventListener('abort', listener);
    signal.addEventListener('abort', object);
    signal.removeEventListener('abort', object);
    signal.addEventListener('abort', () => listener(), { signal: other.signal });
    other.abort();
    signal.onabort = listener;
    expect(signal.onabort).toBe(listener);
    signal.onabort = null;
    expect(signal.onabort).toBeNull();
    abort();
    expect(calls).toBe(0);
    signal.addEventListener('again', listener, { once: true });
    signal.dispatchEvent(new Event('again'));
    signal.dispatchEvent(new Event('again'));
    expect(calls).toBe(1);
  });

  it('is an AbortSignal by every test there is', () => {
    const { signal, abort } = guarded();
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(Object.prototype.toString.call(signal)).toBe('[object AbortSignal]');
    const any = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
    expect([signal.aborted, any.aborted]).toEqual([false, false]);
    signal.throwIfAborted();
    abort();
    expect([signal.aborted, any.aborted, any.reason]).toEqual([true, true, reason]);
    expect(() => {
      signal.throwIfAborted();
    }).toThrow(reason);
  });

  it('ends what waits for it: timers, events, streams and requests', async () => {
    const { signal, abort } = guarded();
    const server = createServer(() => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const stream = addAbortSignal(signal, new PassThrough());
    const waiting = [
      delay(60_000, undefined, { signal }),
      once(new EventEmitter(), 'never', { signal }),
      once(stream, 'never'),
      fetch(`http://127.0.0.1:${port}/`, { signal }),
    ];
    const asked = once(server, 'request');
    await asked;
    abort();
    const ends = await Promise.allSettled(waiting);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    server.closeAllConnections();
    server.close();
  });

  it('refuses what is no listener as any signal does', () => {
    const { signal } = guarded();
    const plain = new AbortController().signal;
    for (const listener of [undefined, 7, 'listener']) {
      const add = (target: AbortSignal) => () => {
        target.addEventListener('abort', listener as unknown as () => void);
      };
      let expected: unknown;
      try {
        add(plain)();
      } catch (error) {
        expected = error;
      }
      if (expected instanceof Error) expect(add(signal)).toThrow(expected.message);
      else expect(add(signal)).not.toThrow();
    }
  });
});
