import { createClient } from '@holdfast/client';
import { rooms } from '@holdfast/client/rooms';
import { expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import { livePath } from '../../src/live-path.js';
import { inboxOf } from '../../src/notifications/inbox.js';
import { freePort } from './free-port.js';
import { subject, type Talk } from './deployed-talk.js';
import { ServiceProcess } from './service-process.js';
import { serviceSecret, tokenOf } from './service.js';

/** One node of the service, at the same port after each start. */
export class Node implements AsyncDisposable {
  #process: ServiceProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly redisPort: number,
  ) {}

  static async start(redisPort: number): Promise<Node> {
    const node = new Node(await freePort(), redisPort);
    await node.start();
    return node;
  }

  async start(): Promise<void> {
    this.#process = new ServiceProcess({
      PORT: String(this.port),
      HOLDFAST_SECRET: serviceSecret,
      HOLDFAST_REDIS_URL: `redis://127.0.0.1:${this.redisPort}`,
      HOLDFAST_TRUSTED_PROXIES: '1',
      LOG_LEVEL: 'debug',
    });
    await this.#process.url();
  }

  /** As an orchestrator does it; resolves with the exit code when all clients have been told to come back. */
  async stop(): Promise<number | NodeJS.Signals | undefined> {
    this.#process?.kill('SIGTERM');
    return this.#process?.ended;
  }

  /** It keeps its port, and answers nobody, until {@link resume}. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  get log(): string {
    return this.#process?.log ?? '';
  }

  /** Open connections, as its metrics say. */
  async connections(): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
    const gauges = [...metrics.matchAll(/^holdfast_connections\{.*\} (\d+)/gm)];
    return gauges.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }
}

/** Devices of one person, connected by the SDK, that write down what they are told. */
export class Crowd implements Disposable {
  /** By device: the notifications in the order in which they came. */
  readonly heard: string[][] = [];
  /** Devices that a node which was shut down has handed over to the other one. */
  moved = 0;
  /** Close codes with which connections have ended, of all devices. */
  readonly ends: number[] = [];
  /** Devices that were told that something is missing. */
  unrecovered = 0;
  readonly #clients;

  private constructor(
    private readonly origin: string,
    private readonly token: string,
    size: number,
  ) {
    this.#clients = Array.from({ length: size }, (_, device) => this.#device(device));
  }

  static async connect(origin: string, size: number): Promise<Crowd> {
    const crowd = new Crowd(origin, await tokenOf(subject), size);
    await crowd.connected();
    return crowd;
  }

  async connected(): Promise<void> {
    await vi.waitFor(() => expect(this.states()).toEqual(this.#clients.map(() => 'open')), 15_000);
  }

  states(): string[] {
    return this.#clients.map(({ state }) => state);
  }

  /** Everybody is told so much more. */
  async hears(talk: Talk, more: number): Promise<void> {
    const enough = talk.said.length + more;
    // What has ended says nothing more.
    const heard = vi.waitFor(() => {
      const counts = this.heard.map(({ length }) => length);
      expect(Math.min(...counts), `of ${counts.join()}; ${this.states().join()}`).toBeGreaterThan(enough);
    }, 15_000);
    await Promise.race([heard, talk.over]);
    await heard;
  }

  /** Everybody has been told all of it, once and in order. */
  async hasHeard(said: readonly string[]): Promise<void> {
    await vi.waitFor(
      () => expect(this.heard.map(({ length }) => length)).toEqual(this.heard.map(() => said.length)),
      15_000,
    );
    expect(this.heard).toEqual(this.heard.map(() => said));
    expect(this.unrecovered).toBe(0);
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #device(device: number) {
    const client = createClient(`${this.origin.replace('http', 'ws')}${livePath}`, {
      token: () => this.token,
      WebSocket,
      rooms: rooms(),
      backoff: { firstMs: 50, maxMs: 500, maxAttempts: 1_000 },
      // Else a client spreads its return over twice the window of the drain, and the tests would take twice as long.
      ports: { random: { next: () => 0.1 } },
    });
    const heard: string[] = (this.heard[device] = []);
    const inbox = client.room<{ notification: { text: string } }>(inboxOf(subject));
    inbox.on('notification', ({ text }) => heard.push(text));
    inbox.on('$unrecovered', () => this.unrecovered++);
    client.on('$state', ({ from, cause, code }) => {
      if (cause === 'handover') this.moved++;
      else if (from === 'open') this.ends.push(code ?? 0);
    });
    client.connect();
    return client;
  }
}
