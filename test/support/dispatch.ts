import type { INestApplication, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { SubscribeMessage } from '@nestjs/websockets';
import {
  type AdmissionOptions,
  type Clock,
  ConnectionRegistry,
  Counters,
  type HoldfastModuleExtras,
  type HoldfastOptions,
} from '@holdfast/gateway';
import { HoldfastTestApp, type TestClient, type TestFrame } from '@holdfast/testing';
import { afterEach, beforeEach, expect } from 'vitest';
import { boot } from './boot.js';
import { LogRecorder } from './log-recorder.js';

export interface ServeOptions {
  readonly options?: Omit<HoldfastOptions, 'admission'>;
  readonly imports?: ModuleMetadata['imports'];
  readonly clock?: Clock;
  /** Added to those that let all clients of a test come from one address. */
  readonly admission?: Omit<AdmissionOptions, never>;
  /** What is not known to the options of the module. */
  readonly extras?: HoldfastModuleExtras;
  /** Puts something else in the place of a provider. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** Called before the application boots, for global enhancers that are not providers. */
  readonly configure?: (app: INestApplication) => void;
}

/** A running application and what there is to see of it from inside. */
export class Served implements AsyncDisposable {
  constructor(
    readonly app: HoldfastTestApp,
    readonly log: LogRecorder,
  ) {}

  get counters(): Counters {
    return this.get(Counters);
  }

  get<T>(type: Type<T>): T {
    return this.app.app.get(type, { strict: false });
  }

  url(path: string): string {
    return this.app.url(path);
  }

  /** Closes every connection, as an application does. */
  closeAll(code: number): void {
    for (const connection of this.get(ConnectionRegistry)) connection.close(code);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app.close();
  }
}

/** All clients of a test have one address. */
const unlimited = { handshakeRate: { limit: Infinity, windowMs: 1_000 } };

/** Boots gateways, and whatever else they need, on a free port. */
export async function serve(providers: Provider[], given: ServeOptions = {}): Promise<Served> {
  const log = new LogRecorder();
  const { imports, clock, override, configure } = given;
  const admission = { ...unlimited, ...given.admission };
  const options = { ...given.options, ...given.extras, admission };
  const app = await boot({ options, imports, clock, override, configure, providers, logger: log });
  return new Served(app, log);
}

/** A promise that is settled from outside: handlers wait for it, and the test says when. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Calls that are waited for: `called(n)` resolves when there were `n` of them. */
export class Calls<T> {
  readonly seen: T[] = [];
  readonly #waiting = new Map<number, Gate<void>>();

  add(value: T): void {
    this.seen.push(value);
    this.#waiting.get(this.seen.length)?.open();
  }

  async called(times: number): Promise<void> {
    if (this.seen.length >= times) return;
    const reached = this.#waiting.get(times) ?? gate();
    this.#waiting.set(times, reached);
    await reached.promise;
  }
}

/** What every gateway of these tests can do besides, see {@link untilQuiet}. */
export class Fenced {
  @SubscribeMessage('fence')
  fence(): void {}
}

/**
 * Everything that comes until the answer to a further request, which has its turn when all before it are answered: a
 * second answer to any of them would be there, too. Needs a gateway that is {@link Fenced}.
 */
export async function untilQuiet(client: TestClient): Promise<TestFrame[]> {
  client.send({ event: 'fence', id: 'fence' });
  return framesUntil(client, 'fence');
}

/**
 * Everything that comes until the server has read all that was sent so far, whether or not any of it had its turn:
 * violations do not wait for one (PROTOCOL 11.2). Costs two violations.
 */
export async function untilRead(client: TestClient): Promise<TestFrame[]> {
  const frames: TestFrame[] = [];
  // The first may overtake the answer of a handler that was begun by the same packet; the second comes a round trip
  // later.
  for (const id of ['read', 'settled']) {
    client.send({ event: 'nobody listens to this', id });
    frames.push(...(await framesUntil(client, id)));
  }
  return frames;
}

async function framesUntil(client: TestClient, id: string): Promise<TestFrame[]> {
  const frames: TestFrame[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.id === id) return frames;
    frames.push(frame);
  }
}

/** Matches the data of an `$error` by its code: clients decide by nothing else (PROTOCOL 7.2). */
export function errorData(code: string): unknown {
  return expect.objectContaining({ code, message: expect.any(String) as unknown });
}

/** Fails the test when the process would have ended: an exception or rejection that nobody caught. */
export function expectNoCrash(): void {
  const crashes: unknown[] = [];
  const crash = (error: unknown): void => {
    crashes.push(error);
  };
  beforeEach(() => {
    crashes.length = 0;
    process.on('uncaughtException', crash).on('unhandledRejection', crash);
  });
  afterEach(async () => {
    // Node tells of an unhandled rejection when the microtasks have run.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('uncaughtException', crash).off('unhandledRejection', crash);
    expect(crashes).toEqual([]);
  });
}
