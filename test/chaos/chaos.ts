import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@holdfast/testing';
import { check, recoveryTimes, type Verdict } from './check.js';
import { Cluster } from './cluster.js';
import { SentinelEngine, SingleEngine } from './engines.js';
import { type FaultKind, faultKinds } from './faults.js';
import type { ChaosRecord, FinalLog } from './records.js';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults are made. */
  readonly ms: number;
  readonly clients: number;
  /** Publications in a second. */
  readonly rate: number;
  readonly rooms: number;
  /** Leaves out faults that take long. */
  readonly isShort?: boolean;
  /** Whether Redis may lose data. */
  readonly losesData?: boolean;
  /** One server, or two with Sentinel. Default `single`. */
  readonly engine?: 'single' | 'sentinel';
  readonly progress?: (line: string) => void;
}

export interface ChaosResult extends Verdict {
  readonly records: readonly ChaosRecord[];
  readonly faults: number;
  readonly recovery: ReturnType<typeof recoveryTimes>;
}

/** What clients have after this time they have, or never. */
const settleMs = 60_000;

/** Breaks a cluster again and again while clients use it, and checks what they were told. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, progress = () => undefined } = options;
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + random.next() * (most - least);
  const records: ChaosRecord[] = [];
  const record = (one: ChaosRecord): void => {
    records.push(one);
    if (one.type === 'drained') progress(`   ${JSON.stringify(one)}`);
  };
  const engine = await (options.engine === 'sentinel' ? SentinelEngine : SingleEngine).start();
  await using cluster = await Cluster.start(engine, between, record);
  const rooms = Array.from({ length: options.rooms }, (_, index) => `log/${index}`);
  await cluster.populate(options.clients, rooms);
  progress(`${options.clients} clients have joined`);
  const publishing = new AbortController();
  const published = publishUntil(publishing.signal, cluster, rooms, options.rate);
  const faults = await breakAgainAndAgain(cluster, options, between, record);
  // The last fault is followed by something that all clients can see.
  await sleep(2_000);
  publishing.abort();
  await published;
  progress('All faults are over; clients catch up');
  const problems = await settle(cluster, rooms, record);
  const crashes = cluster.nodes.flatMap(({ crashes: ends }) => ends).map((end) => `a node has crashed: ${end}`);
  const verdict = check(records);
  const violations = [...crashes, ...problems, ...verdict.violations];
  return { ...verdict, violations, records, faults, recovery: recoveryTimes(records) };
}

async function publishUntil(end: AbortSignal, cluster: Cluster, rooms: readonly string[], rate: number): Promise<void> {
  const pending = new Set<Promise<void>>();
  const everyMs = 20;
  for (let turn = 0; !end.aborted; turn++) {
    for (let count = 0; count < (rate * everyMs) / 1_000; count++) {
      const publisher = cluster.publishers[(turn + count) % cluster.publishers.length];
      const publication = publisher?.publish(rooms[(turn * 3 + count) % rooms.length] ?? '');
      if (!publication) continue;
      pending.add(publication);
      void publication.finally(() => pending.delete(publication));
    }
    await sleep(everyMs);
  }
  await Promise.all(pending);
}

async function breakAgainAndAgain(
  cluster: Cluster,
  { ms, isShort, losesData, progress = () => undefined }: ChaosOptions,
  between: (least: number, most: number) => number,
  record: (one: ChaosRecord) => void,
): Promise<number> {
  const kinds = faultKinds.filter(
    ({ isLong, losesData: loses, engine = cluster.engine.kind }) =>
      engine === cluster.engine.kind && !(isShort && isLong) && (losesData || !loses),
  );
  const bag: FaultKind[] = [];
  const end = Date.now() + ms;
  let count = 0;
  while (Date.now() < end) {
    // All kinds come before one comes more often than its weight says.
    if (bag.length === 0) bag.push(...kinds.flatMap((kind) => new Array<FaultKind>(kind.weight).fill(kind)));
    const [kind] = bag.splice(Math.floor(between(0, bag.length)), 1);
    if (!kind) continue;
    const at = Date.now();
    await kind.run(cluster, between);
    record({ type: 'fault', kind: kind.name, at, until: Date.now(), losesData: kind.losesData === true });
    progress(`${++count}. ${kind.name}: ${Date.now() - at} ms, ${Math.round((end - Date.now()) / 1_000)} s left`);
    await sleep(between(1_000, 4_000));
  }
  return count;
}

/** Waits until all clients have all there is, and adds the logs to the records. @returns what has never come */
async function settle(
  cluster: Cluster,
  rooms: readonly string[],
  record: (one: ChaosRecord) => void,
): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const logs: FinalLog[] = [];
    for (const room of rooms) logs.push(await cluster.logOf(room));
    const tops = new Map(logs.map(({ room, epoch, items }) => [room, { epoch, offset: items.at(-1)?.offset ?? 0 }]));
    const late = cluster.followers.filter((follower) => !follower.hasReached(tops));
    if (late.length === 0 || Date.now() > deadline) {
      logs.forEach(record);
      return late.map(({ name, states, client }) => `${name} has not caught up (${client.state}): ${states}`);
    }
    await sleep(500);
  }
}
