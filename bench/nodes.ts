/**
 * What it takes from one node to another through a real Redis, in a process of its own: `node nodes.js`. The controls
 * are the engine in memory, and a PING by the same library.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backplane, MemoryBackplane, MemoryBroker, RoomHub } from '@holdfast/backplane';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { Redis } from 'ioredis';
import { CalmMember } from './calm-member.js';

const history = { size: 100, ttlMs: 600_000 };
const item = new Uint8Array(200).fill(120);
const times = 4_000;

/** Tells when the next publication has come. */
class Receiver extends CalmMember {
  #came: () => void = () => undefined;
  received = 0;

  next(): Promise<void> {
    return new Promise((resolve) => (this.#came = resolve));
  }

  override push(): boolean {
    this.received++;
    this.#came();
    return true;
  }
}

const medianOf = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function print(what: string, value: number, unit: string): void {
  console.log(`  ${what.padEnd(72)} ${value.toFixed(value < 10 ? 2 : 0).padStart(7)} ${unit}`);
}

interface Nodes {
  readonly publisher: RoomHub;
  readonly receiver: Receiver;
  close(): Promise<void>;
}

async function twoNodes(create: () => Backplane): Promise<Nodes> {
  const hubs = [create(), create()].map(
    (backplane) => new RoomHub({ backplane, policyOf: () => ({ history, slow: 'catch-up', maxRecovered: 1_000 }) }),
  );
  const [publisher, follower] = hubs as [RoomHub, RoomHub];
  await publisher.start('publisher');
  await follower.start('follower');
  const receiver = new Receiver();
  await follower.open('room');
  follower.join('room', receiver, null);
  return {
    publisher,
    receiver,
    close: async () => {
      await Promise.all(hubs.map((hub) => hub.close()));
    },
  };
}

/** Median milliseconds from the call to the delivery on the other node. */
async function latency({ publisher, receiver }: Nodes): Promise<number> {
  const waits: number[] = [];
  for (let time = 0; time < times; time++) {
    const came = receiver.next();
    const begun = performance.now();
    const stored = publisher.publish('room', item);
    await came;
    waits.push(performance.now() - begun);
    await stored;
  }
  return medianOf(waits);
}

async function ping(client: Redis): Promise<number> {
  const waits: number[] = [];
  for (let time = 0; time < times; time++) {
    const begun = performance.now();
    await client.ping();
    waits.push(performance.now() - begun);
  }
  return medianOf(waits);
}

/** Microseconds of CPU that Redis has used, and how many scripts it was sent. */
async function usage(client: Redis): Promise<{ cpu: number; scripts: number }> {
  const info = await client.info('all');
  const number = (pattern: RegExp): number => Number(pattern.exec(info)?.[1] ?? 0);
  const cpu = (number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/)) * 1_000_000;
  return { cpu, scripts: number(/cmdstat_evalsha:calls=(\d+)/) };
}

async function costOf(
  client: Redis,
  count: number,
  work: () => Promise<void>,
): Promise<{ cpu: number; scripts: number }> {
  const before = await usage(client);
  await work();
  const after = await usage(client);
  return { cpu: (after.cpu - before.cpu) / count, scripts: (after.scripts - before.scripts) / count };
}

// A socket of its own, so that no port has to be free.
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const path = join(folder, 'redis.sock');
const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder], {
  stdio: 'ignore',
});
server.on('error', (error) => {
  throw new Error('redis-server cannot be started: install it', { cause: error });
});
const client = new Redis({ path, retryStrategy: () => 20 });
client.on('error', () => undefined);
await client.ping();

console.log('\nFrom one node to another, 200 B in a room with a history of 100, one publication at a time');
const broker = new MemoryBroker();
const inMemory = await twoNodes(() => new MemoryBackplane(broker));
const connection = (): Redis => new Redis({ path, lazyConnect: true });
const onRedis = await twoNodes(() => redisBackplane({ client: connection(), prefix: 'bench' }));
const rounds = 5;
const memoryMs: number[] = [];
const pingMs: number[] = [];
const redisMs: number[] = [];
for (let round = 0; round < rounds; round++) {
  memoryMs.push(await latency(inMemory));
  pingMs.push(await ping(client));
  redisMs.push(await latency(onRedis));
}
const [memory, pong, redis] = [medianOf(memoryMs), medianOf(pingMs), medianOf(redisMs)];
print('publish to deliver, median: memory', memory * 1_000, 'us');
print('PING, median', pong * 1_000, 'us');
print('publish to deliver, median: Redis', redis * 1_000, 'us');
print('the same beyond memory, in PINGs (target: 3)', (redis - memory) / pong, '');
const single = await costOf(client, times, () => latency(onRedis).then(() => undefined));
print('scripts for one publication (target: 1)', single.scripts, '');
print('CPU of Redis for one publication, one at a time', single.cpu, 'us');
const burst = 16;
const bursts = await costOf(client, times, async () => {
  for (let sent = 0; sent < times; sent += burst) {
    await Promise.all(Array.from({ length: burst }, () => onRedis.publisher.publish('room', item)));
  }
});
print(`scripts for one publication, ${burst} at a time`, bursts.scripts, '');
print(`CPU of Redis for one publication, ${burst} at a time`, bursts.cpu, 'us');
await inMemory.close();
await onRedis.close();
client.disconnect();
server.kill('SIGKILL');
rmSync(folder, { recursive: true, force: true });
if (onRedis.receiver.received < times) throw new Error('Not everything was delivered');
