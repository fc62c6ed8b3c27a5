import assert from 'node:assert/strict';
import {
  type Backplane,
  BackplaneError,
  type BackplaneErrorCode,
  type BackplaneSink,
  type History,
  type Position,
  type Publication,
  type ReadResult,
} from '@holdfast/backplane';
import type { BackplaneHarness, CreateBackplane, EngineHand } from './harness.js';

/** What a node was given. */
class Recorder implements BackplaneSink {
  readonly publications: Publication[] = [];
  readonly commands: { readonly command: Uint8Array; readonly from: string }[] = [];
  readonly notices: ('interrupted' | 'resumed')[] = [];
  hasClosed = false;
  callsAfterClose = 0;

  publication(publication: Publication): void {
    this.#called();
    this.publications.push(publication);
  }

  command(command: Uint8Array, from: string): void {
    this.#called();
    this.commands.push({ command, from });
  }

  interrupted(): void {
    this.#called();
    this.notices.push('interrupted');
  }

  resumed(): void {
    this.#called();
    this.notices.push('resumed');
  }

  /** What came of a room, as text. */
  textsOf(room: string): string[] {
    return this.publications.filter((publication) => publication.room === room).map(({ item }) => textOf(item));
  }

  #called(): void {
    if (this.hasClosed) this.callsAfterClose++;
  }
}

/** A started node. */
export interface TestNode {
  readonly name: string;
  readonly backplane: Backplane;
  readonly sink: Recorder;
}

/** A room that nothing is trimmed from in a test. */
export const keepsAll: History = { size: 10_000, ttlMs: 3_600_000 };
export const page = { items: 10_000, bytes: 64 * 1024 * 1024 };

/** Engines in one test: a harness, and the nodes on it. */
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

  /** A part of the hand that the capabilities promise. */
  hand<K extends keyof EngineHand>(what: K): EngineHand[K] {
    const part = this.harness.hand[what];
    assert.ok(part, `the hand on the engine has no ${what}`);
    // A method of the hand may use `this`.
    return part.bind(this.harness.hand) as EngineHand[K];
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let times = 0; times < 500; times++) {
      if (isSo()) return;
      await this.harness.settle();
    }
    assert.fail(`never: ${what}`);
  }

  /** Long enough for whatever should not come. */
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

  /** Names of nodes are used once. */
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
const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function textOf(item: Uint8Array): string {
  return decoder.decode(item);
}

/** Publishes texts one call each, one after the other. @returns their positions */
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

/** Calls that were made together are refused with this code, and nothing has happened. */
export async function assertRejected(calls: readonly Promise<unknown>[], code: BackplaneErrorCode): Promise<void> {
  for (const error of await Promise.all(calls.map(rejectionOf))) {
    assert.deepEqual([error.code, error.outcome], [code, 'none'], error.message);
  }
}

export function countTo(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
