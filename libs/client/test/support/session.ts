import { retryRule } from '@holdfast/protocol';
import { expect } from 'vitest';
import type { ClientOptions } from '../../src/index.js';
import { legalTransitions } from './transitions.js';
import { settled, World } from './world.js';

type Settle = { resolve: (token: string | undefined) => void; reject: (error: Error) => void };

export type Action =
  | { do: 'connect' | 'close' | 'emit' | 'accept' | 'welcome' | 'settle' | 'refuse token' }
  | { do: 'request'; timeoutMs: number; isStream: boolean }
  | { do: 'abort'; request: number }
  | { do: 'answer'; request: number; event: string }
  | { do: 'say'; frame: string }
  | { do: 'end'; code: number }
  | { do: 'advance' | 'stall' | 'set clock'; ms: number }
  | { do: 'happen'; what: 'online' | 'wake' }
  | { do: 'network'; isThere: boolean }
  | { do: 'give token'; token: string | undefined };

/** What a listener of `$state` does by itself: with the change of that number, it calls. */
export interface Meddling {
  change: number;
  calls: ('connect' | 'close' | 'emit')[];
}

const unauthorized = 4401;

/** One client in a world that does anything, and everything that can be said of it at any time. */
export class Session {
  readonly world: World;
  readonly tested: ReturnType<World['client']>;
  readonly heard: unknown[] = [];
  /** For each request, how often it was settled. */
  readonly settlements: number[] = [];
  readonly #controllers: AbortController[] = [];
  readonly #asked: Settle[] = [];
  /** Until the end, which listeners must not undo. */
  #meddling: readonly Meddling[];
  readonly #maxAttempts: number;

  constructor(seed: number, options: ClientOptions, hasToken: boolean, meddling: readonly Meddling[]) {
    this.world = new World(seed);
    this.#meddling = meddling;
    this.#maxAttempts = options.backoff?.maxAttempts ?? 100;
    const token = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
    this.tested = this.world.client(hasToken ? { ...options, token } : options);
    const { client, changes } = this.tested;
    client.on('said', (data) => this.heard.push(data));
    client.on('$drain', (data) => this.heard.push(data));
    client.on('$state', () => {
      for (const { calls } of this.#meddling.filter(({ change }) => change === changes.length)) {
        for (const call of calls) client[call]('by the way');
      }
    });
  }

  async act(action: Action): Promise<void> {
    const { world, tested } = this;
    const socket = world.sockets.at(-1);
    if (action.do === 'connect' || action.do === 'close' || action.do === 'emit') tested.client[action.do]('news');
    else if (action.do === 'request') this.#request(action.timeoutMs, action.isStream);
    else if (action.do === 'abort') this.#controllers[action.request]?.abort();
    else if (action.do === 'answer') socket?.say(action.event, answerOf(action.event), action.request + 1);
    else if (action.do === 'accept') socket?.accept();
    else if (action.do === 'welcome') socket?.welcome();
    else if (action.do === 'say') socket?.sayRaw(action.frame);
    else if (action.do === 'end') socket?.end(action.code);
    else if (action.do === 'advance' || action.do === 'stall') world.clock[action.do](action.ms);
    else if (action.do === 'set clock') world.wallOffsetMs += action.ms;
    else if (action.do === 'happen') world.happens(action.what);
    else if (action.do === 'network') world.isOnline = action.isThere;
    else if (action.do === 'give token') this.#asked.shift()?.resolve(action.token);
    else if (action.do === 'refuse token') this.#asked.shift()?.reject(new Error('no token'));
    else await settled();
    this.check();
  }

  /** What holds at any time. */
  check(): void {
    const { world, tested } = this;
    const { changes, client } = tested;
    let state = 'idle';
    for (const [index, change] of changes.entries()) {
      expect(change.from).toBe(state);
      expect(legalTransitions[change.from]).toContain(change.to);
      const before = changes[index - 1];
      const mayBeginAnew = before?.cause === 'attempts' && this.#maxAttempts > 0 ? ['online', 'wake'] : [];
      if (before?.to === 'closed' || before?.to === 'failed') {
        expect(['connect', 'close', ...mayBeginAnew]).toContain(change.cause);
      }
      const mayReturn =
        change.code === undefined || retryRule(change.code) === 'return' || change.code === unauthorized;
      if (change.to === 'waiting') expect(mayReturn).toBe(true);
      state = change.to;
    }
    expect(client.state).toBe(state);
    expect(world.live.length).toBeLessThanOrEqual(1);
    expect(world.sockets.length).toBeLessThanOrEqual(changes.filter(({ to }) => to === 'connecting').length);
    const isWatching = ['connecting', 'open', 'waiting'].includes(state) || this.#hasGivenUp;
    expect(world.watchers.size).toBe(isWatching ? 1 : 0);
    if (client.state === 'closed' || client.state === 'failed') this.#isOver();
  }

  /** Gives it a network, tokens and a server: whoever is on its way arrives, or has given up for a reason. */
  async recover(): Promise<void> {
    const { world, tested } = this;
    world.isOnline = true;
    this.#meddling = [];
    for (let round = 0; this.#isOnItsWay() && round < 200; round++) {
      await this.#arrive();
      if (this.#isOnItsWay()) world.clock.advance(1_000);
    }
    this.check();
    expect(this.#isOnItsWay()).toBe(false);
    if (tested.client.state !== 'open') return;
    // A server that says nothing any more is noticed.
    const { length } = tested.changes;
    world.clock.advance(60_000);
    expect(tested.changes.length).toBeGreaterThan(length);
    this.check();
  }

  #isOnItsWay(): boolean {
    return ['connecting', 'waiting'].includes(this.tested.client.state);
  }

  async #arrive(): Promise<void> {
    for (const { resolve } of this.#asked.splice(0)) resolve('fresh');
    await settled();
    if (this.tested.client.state === 'connecting') this.world.socket.welcome();
  }

  /** Closes, then lets everything happen that may still come late, and nothing may come of it. */
  async end(): Promise<void> {
    const { world, tested } = this;
    tested.client.close();
    this.#isOver();
    await settled();
    expect(this.settlements.filter((times) => times !== 1)).toEqual([]);
    const before = this.#trace();
    for (const { resolve } of this.#asked) resolve('late');
    for (const controller of this.#controllers) controller.abort();
    for (const socket of world.sockets) socket.welcome().say('said', 'late').say('$next', 'late', 1).end(1006);
    world.happens('online');
    world.happens('wake');
    world.clock.advance(3_600_000);
    await settled();
    this.#isOver();
    expect(this.#trace()).toEqual(before);
    expect(this.settlements.filter((times) => times !== 1)).toEqual([]);
  }

  #isOver(): void {
    const { world, tested } = this;
    // That of the watch for a machine that wakes up.
    expect(world.clock.pending).toBe(this.#hasGivenUp ? 1 : 0);
    expect(world.watchers.size).toBe(this.#hasGivenUp ? 1 : 0);
    expect(world.live).toEqual([]);
    expect(tested.client.queuedMessages).toBe(0);
    expect(tested.client.connectionId).toBeUndefined();
  }

  /** All attempts failed, and it watches for a reason to begin anew. */
  get #hasGivenUp(): boolean {
    return this.tested.changes.at(-1)?.cause === 'attempts' && this.#maxAttempts > 0;
  }

  #trace(): object {
    const { changes, errors } = this.tested;
    const sent = this.world.sockets.map((socket) => socket.sent.length);
    return { changes: [...changes], errors: [...errors], heard: [...this.heard], sent };
  }

  #request(timeoutMs: number, isStream: boolean): void {
    const controller = new AbortController();
    this.#controllers.push(controller);
    const { settlements, heard } = this;
    const request = settlements.push(0) - 1;
    const onNext = (value: unknown): void => {
      expect(settlements[request]).toBe(0);
      heard.push(value);
    };
    const options = { timeoutMs, signal: controller.signal, ...(isStream && { onNext }) };
    const count = (): void => {
      settlements[request] = (settlements[request] ?? 0) + 1;
    };
    this.tested.client.request('ask', request, options).then(count, count);
  }
}

function answerOf(event: string): unknown {
  return event === '$error' ? { code: 'NOT_FOUND', message: 'Not here' } : 'answer';
}
