/**
 * What rooms cost in a node, in a process of its own: `node --expose-gc hub.js`. The control of the last two rows is a
 * loop over an array of members.
 */
import { MemoryBackplane, MemoryBroker, type Publication, RoomHub, type Subscription } from '@holdfast/backplane';
import { CalmMember } from './calm-member.js';

const history = { size: 100, ttlMs: 600_000 };
const broker = new MemoryBroker();
const hub = new RoomHub({
  backplane: new MemoryBackplane(broker),
  policyOf: () => ({ history, slow: 'catch-up', maxRecovered: 1_000 }),
});
await hub.start('bench');

let pushed = 0;

/** Takes everything, as a connection that is never congested. */
class BenchMember extends CalmMember {
  // As a gateway needs them: a connection knows its rooms.
  readonly subscriptions: Subscription[] = [];

  override push(_subscription: Subscription, publication: Publication): boolean {
    pushed += publication.item.byteLength;
    return true;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function heapBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function print(what: string, value: number, unit: string): void {
  console.log(`  ${what.padEnd(64)} ${value.toFixed(value < 10 ? 2 : 0).padStart(7)} ${unit}`);
}

/** Median CPU of five runs, in microseconds per unit of work. */
async function cost(units: number, work: () => Promise<void>): Promise<number> {
  const costs: number[] = [];
  await work();
  for (let run = 0; run < 5; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / units);
  }
  return costs.sort((a, b) => a - b)[2] ?? Number.NaN;
}

async function memory(): Promise<void> {
  const members = Array.from({ length: 20_000 }, () => new BenchMember());
  const rooms = Array.from({ length: 1_000 }, (_, index) => `orders/${index}`);
  // Each room exists and is watched, so that what follows is memberships alone.
  const first = new BenchMember();
  for (const room of rooms) first.subscriptions.push(hub.join(room, first, null));
  await turn();
  await turn();
  const before = heapBytes();
  for (const [index, member] of members.entries()) {
    for (let count = 0; count < 5; count++) {
      member.subscriptions.push(hub.join(rooms[(index * 5 + count) % rooms.length] ?? '', member, null));
    }
  }
  await turn();
  const memberships = members.length * 5;
  print(
    'membership (100,000 in 1,000 rooms), with its place in the connection',
    (heapBytes() - before) / memberships,
    'B',
  );
  for (const member of [first, ...members]) for (const subscription of member.subscriptions) subscription.leave();
}

async function rooms(): Promise<void> {
  const count = 50_000;
  const names = Array.from({ length: count }, (_, index) => `idle/${index}`);
  const before = heapBytes();
  for (const name of names) await hub.read(name, null);
  print('idle room: no member, empty history (its name included)', (heapBytes() - before) / count, 'B');
  const withoutFeeds = heapBytes();
  const member = new BenchMember();
  for (const name of names) member.subscriptions.push(hub.join(name, member, null));
  await turn();
  await turn();
  print('room with one member: feed and membership', (heapBytes() - withoutFeeds) / count, 'B');
  for (const subscription of member.subscriptions) subscription.leave();
}

async function speed(): Promise<void> {
  const members = Array.from({ length: 1_000 }, () => new BenchMember());
  const subscriptions = members.map((member) => hub.join('busy', member, null));
  await turn();
  await turn();
  const item = new Uint8Array(128);
  const count = 2_000;
  const deliveries = count * members.length;
  const publication = { epoch: 'e', offset: 1, room: 'busy', at: 0, item };
  const control = await cost(deliveries, async () => {
    for (let turns = 0; turns < count; turns++) {
      for (const [index, member] of members.entries()) member.push(subscriptions[index] as Subscription, publication);
      await Promise.resolve();
    }
  });
  const live = await cost(deliveries, async () => {
    for (let turns = 0; turns < count; turns++) await hub.publish('busy', item);
  });
  print('delivery to one of 1,000 members: a loop over an array', control * 1_000, 'ns CPU');
  print('delivery to one of 1,000 members: published, stored, pushed', live * 1_000, 'ns CPU');
  const churn = await cost(20_000, async () => {
    for (let turns = 0; turns < 20_000; turns++) hub.join('busy', members[0] as BenchMember, null).leave();
    await turn();
  });
  print('join and leave of a room that has members', churn, 'us CPU');
  for (const subscription of subscriptions) subscription.leave();
}

console.log('\nRooms on one node, on the memory engine');
await memory();
await rooms();
await speed();
await hub.close();
if (pushed === 0) throw new Error('Nothing was delivered');
