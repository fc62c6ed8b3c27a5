import assert from 'node:assert/strict';
import {
  type Backplane,
  BackplaneError,
  type BackplaneErrorCode,
  type History,
  type Position,
  type Publication,
  type ReadResult,
} from '@holdfast/backplane';
import type { BackplaneHarness, CreateBackplane, EngineControl } from './harness.js';
import { Recorder, textOf } from './recorder.js';

/** A started node. */
export interface TestNode {
  readonly name: string;
  readonly backplane: Backplane;
  readonly sink: Recorder;
}

/** A history from which no test trims anything. */
export const keepsAll: History = { size: 10_000, ttlMs: 3_600_000 };
export const page = { items: 10_000, bytes: 64 * 1024 * 1024 };

/** The harness and the nodes of one test. */
export class World {
  readonly nodes: TestNode[] = [];
  readonly harness: BackplaneHarness;

  constructor(harness: BackplaneHarness) {
    this.harness = harness;
  }

  async node(): Promise<TestNode> {
    const name = `node ${this.nodes.length + 1} ${this.#incarnation}`;
    const node = { name, backplane: await this.harness.createNode(), sink: new Recorder() };
    this.nodes.push(node);
    await node.backplane.start(name, node.sink);
    return node;
  }

  /** A control that the capabilities include. */
  control<K extends keyof EngineControl>(what: K): EngineControl[K] {
    const part = this.harness.control[what];
    assert.ok(part, `the harness has no control ${what}`);
    // The controls may be methods that use `this`.
    return part.bind(this.harness.control) as EngineControl[K];
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let times = 0; times < 500; times++) {
      if (isSo()) return;
      await this.harness.settle();
    }
    assert.fail(`never: ${what}`);
  }

  /** Gives something that must not happen enough time to happen. */
  async rest(): Promise<void> {
    for (let times = 0; times < 20; times++) await this.harness.settle();
  }

  async close(): Promise<void> {
    for (const { backplane, sink } of this.nodes) {
      await backplane.close();
      sink.hasClosed = true;
    }
    await this.harness.dispose?.();
  }

  /** Makes the names of nodes unique among all tests. */
  readonly #incarnation = ++incarnations;
}

let incarnations = 0;

export type Case = (world: World) => Promise<void>;
export type Cases = Readonly<Record<string, Case>>;

export async function within(create: CreateBackplane, use: Case): Promise<void> {
  const world = new World(await create());
  try {
    await use(world);
  } finally {
    await world.close();
  }
}

const encoder = new TextEncoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Publishes texts one after the other, in one call each. @returns their positions */
export async function publish(
  { backplane }: TestNode,
  room: string,
  texts: readonly string[],
  history = keepsAll,
): Promise<Position[]> {
  const positions: Position[] = [];
  for (const text of texts) {
    const { first } = await backplane.publish(room, [bytes(text)], { history });
    assert.ok(first, 'a publication in a room with history has a position');
    positions.push(first);
  }
  return positions;
}

export function read(
  { backplane }: TestNode,
  room: string,
  since: Position | null,
  history = keepsAll,
): Promise<ReadResult> {
  return backplane.read(room, since, page, history);
}

export async function topOf(node: TestNode, room: string): Promise<Position> {
  return (await read(node, room, null)).top;
}

/** Everything after a position, page by page: engines may return less than a page allows. */
export async function readAll(
  node: TestNode,
  room: string,
  since: Position,
  history = keepsAll,
): Promise<readonly Publication[] | 'epoch' | 'trimmed' | 'future'> {
  const items: Publication[] = [];
  for (let from = since, hasMore = true; hasMore;) {
    const result = await read(node, room, from, history);
    if (!result.whole) return result.reason;
    assert.ok(result.items.length > 0 || !result.more, 'a page that is not the last one has items');
    items.push(...result.items);
    from = result.items.at(-1) ?? from;
    hasMore = result.more;
  }
  return items;
}

/** All items of a room, as text. The room was never trimmed. */
export async function logOf(node: TestNode, room: string): Promise<string[]> {
  const { epoch } = await topOf(node, room);
  const items = await readAll(node, room, { epoch, offset: 0 });
  assert.ok(typeof items === 'object', 'a room that was never trimmed can be read from its beginning');
  return items.map(({ item }) => textOf(item));
}

/** @returns the error that a promise is rejected with */
export async function rejectionOf(promise: Promise<unknown>): Promise<BackplaneError> {
  const error = await promise.then(
    () => assert.fail('it was to be rejected'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BackplaneError, `rejected with ${String(error)}, which is no BackplaneError`);
  return error;
}

/** Asserts that all calls reject with this code and outcome `none`. */
export async function assertRejected(calls: readonly Promise<unknown>[], code: BackplaneErrorCode): Promise<void> {
  for (const error of await Promise.all(calls.map(rejectionOf))) {
    assert.deepEqual([error.code, error.outcome], [code, 'none'], error.message);
  }
}

export function countTo(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
