import { describe, expect, it } from 'vitest';
import { check, recoveryTimes } from './chaos/check.js';
import type { ChaosRecord, Fault, FinalLog, Published, Told } from './chaos/records.js';

const room = 'log/1';
const length = 20;

const published = (offset: number, more: Partial<Published> = {}): Published => ({
  ...{ type: 'published', at: offset, room, id: `p-${offset}`, outcome: 'acked', epoch: 'e1', offset },
  ...more,
});
const said = (client: string, offset: number, more: Partial<Told> = {}): Told => ({
  ...{ type: 'told', at: offset, client, room, what: 'said', epoch: 'e1', offset, id: `p-${offset}` },
  ...more,
});
const told = (client: string, what: Told['what'], more: Partial<Told> = {}): Told => ({
  ...{ type: 'told', at: 0, client, room, what },
  ...more,
});
const emptied: Fault = { type: 'fault', kind: 'redis emptied', at: 100, until: 101, losesData: true };
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** What a run without a fault leaves: two clients, of which one joins later. */
class Run {
  acks: Published[] = upTo(length).map((offset) => published(offset));
  log: FinalLog = {
    ...{ type: 'log', room, epoch: 'e1', members: 2 },
    items: upTo(length).map((offset) => ({ offset, id: `p-${offset}` })),
  };
  early: Told[] = [told('early', 'base', { epoch: 'e1', offset: 0 }), ...upTo(length).map((n) => said('early', n))];
  late: Told[] = [told('late', 'base', { epoch: 'e1', offset: 9 }), ...upTo(length, 10).map((n) => said('late', n))];
  owned: ChaosRecord[] = [{ type: 'owned', node: 'one', session: 's', fence: 1 }];
  faults: Fault[] = [];

  get records(): ChaosRecord[] {
    return [...this.acks, ...this.early, ...this.late, ...this.owned, ...this.faults, this.log];
  }
}

function violationsOf(change: (run: Run) => void): readonly string[] {
  const run = new Run();
  change(run);
  return check(run.records).violations;
}

describe('the checker of chaos', () => {
  it('finds nothing where nothing is wrong', () => {
    const { violations, acked, delivered, lost, gaps } = check(new Run().records);
    expect({ violations, acked, delivered, lost, gaps }).toEqual({
      ...{ violations: [], acked: 20, delivered: 31, lost: 0, gaps: 0 },
    });
  });

  it('accepts a fork that is told, and a log that was emptied', () => {
    const fork = violationsOf((run) => {
      run.faults = [emptied];
      // 19 and 20 were lost, and one was published afterwards.
      run.log = { ...run.log, epoch: 'e2', items: [...run.log.items.slice(0, 18), { offset: 19, id: 'new' }] };
      run.acks.push(published(19, { at: 200, id: 'new', epoch: 'e2' }));
      for (const [client, record] of [
        ['early', run.early],
        ['late', run.late],
      ] as const) {
        record.push(told(client, 'undone', { count: 2 }), said(client, 19, { id: 'new', epoch: 'e2' }));
      }
    });
    expect(fork).toEqual([]);
    const anew = violationsOf((run) => {
      run.faults = [emptied];
      run.log = { ...run.log, epoch: 'e2', items: [{ offset: 1, id: 'new' }] };
      run.acks.push(published(1, { at: 200, id: 'new', epoch: 'e2' }));
      for (const [client, record] of [
        ['early', run.early],
        ['late', run.late],
      ] as const) {
        record.push(told(client, 'gap', { reason: 'epoch', epoch: 'e2', offset: 0 }));
        record.push(said(client, 1, { id: 'new', epoch: 'e2' }));
      }
    });
    expect(anew).toEqual([]);
  });

  it.each<[string, RegExp, (run: Run) => void]>([
    ['a delivery is dropped', /came after/, (run) => void run.early.splice(5, 1)],
    ['the last delivery is dropped', /has nothing where the log has p-20/, (run) => void run.early.pop()],
    ['a delivery is repeated', /came after/, (run) => void run.early.splice(5, 0, said('early', 5))],
    [
      'two deliveries are swapped',
      /came after/,
      (run) => void run.early.splice(5, 2, ...run.early.slice(5, 7).reverse()),
    ],
    ['a delivery is another one', /to one, and/, (run) => void (run.late[3] = said('late', 12, { id: 'p-13' }))],
    ['an acknowledgement is forged', /was acknowledged, and is not there/, (run) => void run.acks.push(published(21))],
    [
      'a publication is lost that was acknowledged',
      /p-20 was acknowledged, and is not there/,
      (run) => {
        run.log = { ...run.log, items: run.log.items.slice(0, -1) };
      },
    ],
    [
      'a publication is stored that was refused',
      /was refused, and is there/,
      (run) => void (run.acks[4] = published(5, { outcome: 'none' })),
    ],
    [
      'a publication is stored twice',
      /p-20 is there twice/,
      (run) => {
        run.log = { ...run.log, items: [...run.log.items, { offset: 21, id: 'p-20' }] };
      },
    ],
    ['a publication appears that nobody has made', /nobody has published p-7/, (run) => void run.acks.splice(6, 1)],
    [
      'somebody is told of a gap where nothing was lost',
      /gap trimmed, and nothing was lost/,
      (run) => void run.late.unshift(told('late', 'gap', { reason: 'trimmed', epoch: 'e1', offset: 9 })),
    ],
    [
      'too few are told to be undone',
      /has p-19 at 19 where the log has nothing/,
      (run) => {
        run.faults = [emptied];
        run.log = { ...run.log, items: run.log.items.slice(0, 18) };
        run.early.push(told('early', 'undone', { count: 1 }));
        run.late.push(told('late', 'undone', { count: 2 }));
      },
    ],
    [
      'a member is counted that is none',
      /the nodes count 3 members/,
      (run) => void (run.log = { ...run.log, members: 3 }),
    ],
    [
      'two nodes own a session by one fence',
      /one and two own it by the fence 1/,
      (run) => void run.owned.push({ type: 'owned', node: 'two', session: 's', fence: 1 }),
    ],
  ])('notices when %s', (_, violation, sabotage) => {
    expect(violationsOf(sabotage).join('\n')).toMatch(violation);
  });

  it('measures how long rooms were away, from the fault that was the cause', () => {
    const away = (at: number, until: number): ChaosRecord => ({ type: 'away', at, until, client: 'c', room });
    const fault = (kind: string, at: number, until: number): Fault => ({
      type: 'fault',
      kind,
      at,
      until,
      losesData: false,
    });
    const times = recoveryTimes([
      ...[fault('node stopped for a while', 1_000, 5_000), away(3_000, 3_500)],
      ...[fault('redis killed', 10_000, 12_000), away(10_100, 12_400), away(10_100, 12_600)],
    ]);
    expect(times.get('node stopped for a while')).toEqual({ times: 1, p50: 2_500, p99: 2_500 });
    expect(times.get('redis killed')).toMatchObject({ times: 1, p50: 400 });
  });
});
