import { setTimeout as delay } from 'node:timers/promises';
import { HandshakeRefused, TestClient } from '@holdfast/testing';
import { freshAddress } from '../support/hostile.js';
import { Innocent } from './innocent.js';
import { Intruder } from './intruder.js';
import { unlawful } from './lawful.js';
import { maxConnections } from './options.js';
import { drawScript } from './script.js';
import type { Subject } from './subject.js';

/** Hostile connections of a round, and how many of them at once. */
const intruders = 120;
const width = 24;
/** On a machine that does other things as well. What stops the event loop takes longer. */
const maxP99Ms = 1_000;
/** Failures are logged ten times in ten seconds for each kind, with ten lines each. */
const maxLines = 2_000;
/** What a process may hold more than before, because caches and pools fill. */
const maxGrowthBytes = 8 * 1024 * 1024;
const settleMs = 8_000;

/** What a server holds when nobody is connected. */
export interface Baseline {
  readonly descriptors: number;
  readonly bytes: number;
}

export async function baselineOf(subject: Subject): Promise<Baseline> {
  return { descriptors: subject.descriptors, bytes: (await subject.state()).bytes };
}

/** Thrown where something that always holds did not. */
export class BrokenInvariant extends Error {
  constructor(
    readonly invariant: string,
    detail: string,
  ) {
    super(`${invariant}: ${detail}`);
  }
}

/** Attacks the server by scripts of `seed`, and checks what always holds, from outside. */
export async function runRound(subject: Subject, seed: number, baseline: Baseline): Promise<{ p99: number }> {
  const logged = subject.lines.length;
  const innocent = await demand('an innocent client is answered', () => Innocent.start(subject.port));
  const received = await attack(subject, seed);
  await demand('an innocent client is answered', () => innocent.stop());
  for (const { bytes, script } of received) {
    const problem = unlawful(bytes);
    if (problem !== undefined) throw new BrokenInvariant('every answer is lawful', `${problem} (script ${script})`);
  }
  if (subject.hasEnded) throw new BrokenInvariant('the process goes on', subject.lines.slice(-20).join('\n'));
  if (innocent.p99 > maxP99Ms) throw new BrokenInvariant('an innocent client is answered soon', `${innocent.p99} ms`);
  await settled(subject, baseline);
  await demand('all places are free again', () => takeAllPlaces(subject));
  await settled(subject, baseline);
  const lines = subject.lines.length - logged;
  if (lines > maxLines) throw new BrokenInvariant('the log is bounded', `${lines} lines`);
  return { p99: innocent.p99 };
}

async function attack(subject: Subject, seed: number): Promise<{ bytes: Buffer; script: number }[]> {
  const results: { bytes: Buffer; script: number }[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < intruders && !subject.hasEnded) {
        const script = seed * intruders + next++;
        const intruder = new Intruder(subject.port, drawScript(script), freshAddress());
        await intruder.act();
        // Time for an answer, and for those that stay to be in the way of others.
        await delay(60);
        intruder.leave();
        results.push({ bytes: intruder.received, script });
      }
    }),
  );
  return results;
}

/** Waits until the server holds what it held before. */
async function settled(subject: Subject, { descriptors, bytes }: Baseline): Promise<void> {
  const until = performance.now() + settleMs;
  for (;;) {
    const state = await subject.state();
    const problem: readonly [invariant: string, detail: string] | undefined =
      state.connections > 0
        ? ['no connection is left in the registry', `${state.connections}`]
        : subject.descriptors > descriptors
          ? ['all descriptors are closed', `${subject.descriptors} of ${descriptors}`]
          : state.bytes > bytes + maxGrowthBytes
            ? ['memory is given back', `${state.bytes} of ${bytes} bytes`]
            : undefined;
    if (!problem) return;
    if (performance.now() > until) throw new BrokenInvariant(...problem);
    await delay(50);
  }
}

/** Exactly `maxConnections` fit. */
async function takeAllPlaces({ port }: Subject): Promise<void> {
  const url = `ws://127.0.0.1:${port}/witness`;
  const clients: TestClient[] = [];
  try {
    for (let place = 0; place < maxConnections; place++) clients.push(await TestClient.connect(url));
    const extra = await TestClient.connect(url).catch((error: unknown) => error);
    if (extra instanceof TestClient) {
      extra.terminate();
      throw new Error(`more than ${maxConnections} fit`);
    }
    if (!(extra instanceof HandshakeRefused)) throw extra;
  } catch (error) {
    throw new Error(`${clients.length} of ${maxConnections} were taken`, { cause: error });
  } finally {
    for (const client of clients) client.terminate();
  }
}

async function demand<T>(invariant: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new BrokenInvariant(
      invariant,
      error instanceof Error
        ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`
        : String(error),
    );
  }
}
