import { rawUpgrade, type RawUpgradeOptions } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { CountingServer } from './support/leaks.js';

/** As many as the server has places for, but for a few. */
const connections = 90;
/** What `admission.headerBytes` lets a connection keep, as one text, and what else may differ from one to another. */
const boundBytes = 4_096 + 2_048;

async function leastHeap(server: CountingServer): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 4; round++) least = Math.min(least, (await server.census()).heapUsed);
  return least;
}

/** Bytes of heap for each connection that was made like this, while it is connected. */
async function heapOf(server: CountingServer, handshakeOf: (index: number) => RawUpgradeOptions): Promise<number> {
  const before = await leastHeap(server);
  const sockets = [];
  for (let index = 0; index < connections; index++) {
    const answer = await rawUpgrade(server.url('/open'), { timeoutMs: 30_000, ...handshakeOf(index) });
    if (!answer.upgraded) throw new Error(`refused: ${answer.status} ${answer.body}`);
    sockets.push(answer.socket);
  }
  const during = await leastHeap(server);
  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await server.census()).holdings.registry, { timeout: 10_000 }).toBe(0);
  return (during - before) / connections;
}

const named = (count: number, value: (index: number) => string, index: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, each) => [`X-${each}-${index}`, value(each)]));

// Node takes 16 KiB of headers, and newer versions of it no more than about 950 lines.
const handshakes: Readonly<Record<string, (index: number) => RawUpgradeOptions>> = {
  '12 kB in one header': (index) => ({ headers: { 'X-Long': `${index}${'a'.repeat(12_000)}` } }),
  '12 kB in 170 headers': (index) => ({ headers: named(170, () => 'a'.repeat(60), index) }),
  '10 kB in 800 headers': (index) => ({ headers: named(800, () => '', index) }),
  '13 kB in one header that comes 900 times': () => ({ headers: { 'X-A': Array<string>(900).fill('a'.repeat(8)) } }),
  '12 kB of X-Forwarded-For': (index) => ({
    headers: { 'X-Forwarded-For': `${'1.2.3.4, '.repeat(1_300)}203.0.113.${100 + index}` },
  }),
  '4 kB in 300 headers': (index) => ({ headers: named(300, () => '', index) }),
};

const queries: Readonly<Record<string, (index: number) => RawUpgradeOptions>> = {
  '2,000 parameters': (index) => ({ path: `/open?${'a=1&'.repeat(2_000)}${index}` }),
  '8,000 quotes': (index) => ({ path: `/open?${'"'.repeat(8_000)}${index}` }),
};

it('a connection does not keep the headers of its handshake for life, however many there were', async () => {
  await using server = await CountingServer.start();
  const plain = (): RawUpgradeOptions => ({});
  await heapOf(server, plain);
  const usual = await heapOf(server, plain);
  const measured: Record<string, number> = {};
  for (const [name, handshakeOf] of Object.entries({ ...handshakes, ...queries })) {
    measured[name] = Math.round((await heapOf(server, handshakeOf)) - usual);
  }
  console.log(`${Math.round(usual)} bytes of heap for a connection, and more for one with:`, measured);
  for (const name of Object.keys(handshakes)) expect(measured[name], name).toBeLessThan(boundBytes);
  // The path and the query are at most 8,192 characters, and are kept.
  for (const name of Object.keys(queries)) expect(measured[name], name).toBeLessThan(8_192 + 2_048);
}, 120_000);
