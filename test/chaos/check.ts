import type { ChaosRecord, Fault, FinalLog, Published, Told } from './records.js';

/** What the checker has found. */
export interface Verdict {
  /** What must not be. Empty: the promise was kept. */
  readonly violations: readonly string[];
  readonly acked: number;
  /** Acknowledged publications that Redis has lost: RPO. */
  readonly lost: number;
  readonly delivered: number;
  readonly gaps: number;
}

type Items = readonly { readonly offset: number; readonly id: string }[];

/**
 * Compares what publishers and clients were told with the logs as they are in the end. It trusts nobody: neither the
 * nodes, nor the program that has made the faults.
 */
export function check(records: readonly ChaosRecord[]): Verdict {
  const of = <T extends ChaosRecord['type']>(type: T) =>
    records.filter((record): record is Extract<ChaosRecord, { type: T }> => record.type === type);
  const logs = new Map(of('log').map((log) => [log.room, log]));
  const told = of('told');
  const published = of('published');
  const lastLoss = Math.max(-Infinity, ...of('fault').map(({ losesData, until }) => (losesData ? until : -Infinity)));
  const lost = published.filter((one) => one.outcome === 'acked' && !isIn(logs.get(one.room), one));
  return {
    violations: [
      ...placesThatDiffer(published, told),
      ...unexpectedInLogs(published, logs),
      ...lost
        .filter(({ at }) => at > lastLoss)
        .map(({ room, id }) => `${room}: ${id} was acknowledged, and is not there`),
      ...recordsThatDiffer(told, logs),
      ...wrongMembers(told, logs),
      ...(lastLoss === -Infinity ? noticesWithoutLoss(told) : []),
      ...sharedFences(of('owned')),
    ],
    acked: published.filter(({ outcome }) => outcome === 'acked').length,
    lost: lost.length,
    delivered: told.filter(({ what }) => what === 'said').length,
    gaps: told.filter(({ what }) => what === 'gap').length,
  };
}

function isIn(log: FinalLog | undefined, { offset, id }: Published): boolean {
  return log?.items.some((item) => item.offset === offset && item.id === id) === true;
}

/** An offset of an epoch is one publication, whoever tells of it. */
function placesThatDiffer(published: readonly Published[], told: readonly Told[]): string[] {
  const places = new Map<string, string>();
  const violations: string[] = [];
  const said = told.filter(({ what }) => what === 'said');
  for (const { room, epoch, offset, id = '' } of [...published.filter((one) => one.outcome === 'acked'), ...said]) {
    const place = `${room} ${epoch} ${offset}`;
    const other = places.get(place) ?? id;
    places.set(place, other);
    if (other !== id) violations.push(`${place} is ${other} to one, and ${id} to another`);
  }
  return violations;
}

/** Each publication is in its log once at most, and what was refused is not. */
function unexpectedInLogs(published: readonly Published[], logs: ReadonlyMap<string, FinalLog>): string[] {
  const outcomes = new Map(published.map(({ room, id, outcome }) => [`${room} ${id}`, outcome]));
  return [...logs.values()].flatMap(({ room, items }) => {
    const seen = new Set<string>();
    return items.flatMap(({ offset, id }, index) => {
      const violations: string[] = [];
      const outcome = outcomes.get(`${room} ${id}`);
      if (outcome === undefined) violations.push(`${room}: nobody has published ${id}`);
      if (outcome === 'none') violations.push(`${room}: ${id} was refused, and is there`);
      if (seen.has(id)) violations.push(`${room}: ${id} is there twice`);
      if (offset !== (items[index - 1]?.offset ?? offset - 1) + 1) violations.push(`${room}: a hole before ${offset}`);
      seen.add(id);
      return violations;
    });
  });
}

/** What a client has, after all that it was told to be missing or undone, is the log from where it began to its end. */
function recordsThatDiffer(told: readonly Told[], logs: ReadonlyMap<string, FinalLog>): string[] {
  const violations: string[] = [];
  for (const [key, record] of groupBy(told, ({ client, room }) => `${client}, ${room}`)) {
    const log = logs.get(record[0]?.room ?? '');
    if (!log) continue;
    const { have, base, faults } = replay(record);
    violations.push(...faults.map((fault) => `${key}: ${fault}`));
    const difference = differenceOf(
      have,
      log.items.filter(({ offset }) => offset > base),
    );
    if (difference) violations.push(`${key}: ${difference}`);
  }
  return violations;
}

/** Goes through all that a client was told by a room. */
function replay(record: readonly Told[]): { have: Items; base: number; faults: string[] } {
  let have: { offset: number; id: string }[] = [];
  let base = 0;
  const faults: string[] = [];
  for (const { what, offset = 0, id = '', count = 0 } of record) {
    const top = have.at(-1)?.offset ?? base;
    if (what === 'base' || what === 'gap') [have, base] = [[], offset];
    else if (what === 'undone') {
      if (count > have.length) [have, base] = [[], top - count];
      else have = have.slice(0, have.length - count);
    } else if (what === 'said') {
      if (offset !== top + 1) faults.push(`${offset} came after ${top}`);
      have.push({ offset, id });
    }
  }
  return { have, base, faults };
}

function differenceOf(have: Items, log: Items): string | undefined {
  for (let index = 0; index < Math.max(have.length, log.length); index++) {
    const [mine, theirs] = [have[index], log[index]];
    if (mine?.id === theirs?.id && mine?.offset === theirs?.offset) continue;
    const shown = (item: Items[number] | undefined): string => (item ? `${item.id} at ${item.offset}` : 'nothing');
    return `has ${shown(mine)} where the log has ${shown(theirs)}`;
  }
  return undefined;
}

function wrongMembers(told: readonly Told[], logs: ReadonlyMap<string, FinalLog>): string[] {
  return [...logs.values()].flatMap(({ room, members }) => {
    const expected = new Set(told.filter((one) => one.room === room).map(({ client }) => client)).size;
    return members === expected ? [] : [`${room}: the nodes count ${members} members, and there are ${expected}`];
  });
}

/** Without a loss of data nobody misses anything. */
function noticesWithoutLoss(told: readonly Told[]): string[] {
  return told
    .filter(({ what }) => what === 'gap' || what === 'undone')
    .map(
      ({ client, room, what, reason, count }) => `${client}, ${room}: ${what} ${reason ?? count}, and nothing was lost`,
    );
}

/** No two nodes have changed a session under the same fence. */
function sharedFences(owned: readonly Extract<ChaosRecord, { type: 'owned' }>[]): string[] {
  const owners = new Map<string, string>();
  return owned.flatMap(({ session, fence, node }) => {
    const lease = `${session} ${fence}`;
    const other = owners.get(lease) ?? node;
    owners.set(lease, other);
    return other === node ? [] : [`session ${session}: ${other} and ${node} own it by the fence ${fence}`];
  });
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

/** How long rooms of clients were away, by the kind of the fault before: RTO, in milliseconds. */
export function recoveryTimes(
  records: readonly ChaosRecord[],
): Map<string, { times: number; p50: number; p99: number }> {
  const faults = records.filter((record): record is Fault => record.type === 'fault').sort((a, b) => a.at - b.at);
  const waits = new Map<string, number[]>(faults.map(({ kind }) => [kind, []]));
  for (const record of records) {
    if (record.type !== 'away') continue;
    const fault = faults.findLast(({ at }) => at <= record.at + 50);
    if (!fault) continue;
    // What cannot be reached cannot be recovered: a Redis counts from its return on. Of nodes clients hear late.
    const isOfRedis = fault.kind.startsWith('redis');
    const from = isOfRedis ? Math.max(fault.until, record.at) : fault.kind.startsWith('node') ? fault.at : record.at;
    waits.get(fault.kind)?.push(Math.max(0, record.until - from));
  }
  return new Map(
    [...waits].map(([kind, all]) => {
      all.sort((a, b) => a - b);
      const at = (share: number): number => Math.round(all[Math.floor((all.length - 1) * share)] ?? 0);
      return [kind, { times: faults.filter((one) => one.kind === kind).length, p50: at(0.5), p99: at(0.99) }];
    }),
  );
}
