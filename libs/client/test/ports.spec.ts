import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '../src/index.js';
import { World } from './support/world.js';

/** A client with the clock, the chance and the surroundings of the platform. */
function onPlatform(world: World, options: Parameters<typeof createClient>[1] = {}) {
  return createClient('wss://example.test', { WebSocket: world.WebSocket, ...options });
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the platform’s clock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  it('moves the client, and has no timer of it left after the end', async () => {
    const world = new World();
    const client = onPlatform(world);
    client.connect();
    world.socket.welcome().end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(world.sockets).toHaveLength(2);
    client.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts beyond what a timer can, which would otherwise be over at once', async () => {
    const client = onPlatform(new World());
    const days = 86_400_000;
    let isOver = false;
    const asked = client.request('ask', 1, { timeoutMs: 60 * days }).catch(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(60 * days - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await asked;
    expect(isOver).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets go of a timer that would be long', () => {
    const world = new World();
    const client = onPlatform(world, { connectTimeoutMs: 1e12 });
    client.connect();
    client.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps no process alive for its watch, nor in browsers, where timers are numbers, needs more', () => {
    const unreferenced: number[] = [];
    const schedule = vi.fn((_task: () => void, delayMs: number) => ({ unref: () => unreferenced.push(delayMs) }));
    vi.stubGlobal('setTimeout', schedule);
    const world = new World();
    onPlatform(world).connect();
    expect(schedule.mock.calls.map(([, delayMs]) => delayMs)).toEqual([5_000, 10_000]);
    expect(unreferenced).toEqual([5_000]);
    vi.stubGlobal('setTimeout', () => 1);
    expect(() => onPlatform(world).connect()).not.toThrow();
  });

  it('never rings for Infinity', async () => {
    const world = new World();
    const client = onPlatform(world, { connectTimeoutMs: Infinity });
    client.connect();
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(client.state).toBe('connecting');
    client.close();
  });
});

describe('a page', () => {
  /** A window and a document that tell their events when the test wants it. */
  function page() {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const window = new EventTarget();
    const navigator = { onLine: true };
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
    vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
    vi.stubGlobal('document', document);
    vi.stubGlobal('navigator', navigator);
    const listeners = (): number => {
      const events = ['online', 'pageshow', 'visibilitychange', 'resume'];
      return events.flatMap((event) => [window, document].flatMap((target) => getEventListeners(target, event))).length;
    };
    return { document, window, navigator, listeners };
  }

  /** A client that waits for its next attempt, under the eyes of that page. */
  function waiting() {
    const world = new World();
    const { clock, random } = world.ports;
    const client = onPlatform(world, { ports: { clock, random } });
    client.connect();
    world.socket.welcome().end();
    return { world, client };
  }

  it.each([
    ['window', 'online', 'online'],
    ['window', 'pageshow', 'wake'],
    ['document', 'visibilitychange', 'wake'],
    ['document', 'resume', 'wake'],
  ] as const)('that tells %s %s makes the client try at once', (target, event, cause) => {
    const platform = page();
    const { client } = waiting();
    expect(platform.listeners()).toBe(4);
    const causes: string[] = [];
    client.on('$state', (change) => causes.push(change.cause));
    platform[target].dispatchEvent(new Event(event));
    expect(causes).toEqual([cause]);
    client.close();
    expect(platform.listeners()).toBe(0);
  });

  it('that is hidden wakes nobody', () => {
    const { document } = page();
    const { client } = waiting();
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(client.state).toBe('waiting');
    client.close();
  });

  it('that has no network makes no attempt', () => {
    const { navigator } = page();
    const { client, world } = waiting();
    navigator.onLine = false;
    world.clock.advance(1_000);
    expect(client.state).toBe('waiting');
    expect(world.sockets).toHaveLength(1);
    client.close();
  });

  it('is not needed: in Node there is none', () => {
    vi.stubGlobal('navigator', undefined);
    const { client, world } = waiting();
    world.clock.advance(1_000);
    expect(client.state).toBe('connecting');
    client.close();
    expect(world.clock.pending).toBe(0);
  });
});
