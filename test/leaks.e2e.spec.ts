import { TestClient } from '@holdfast/testing';
import { expect, it, vi } from 'vitest';
import { type Census, CountingServer, type Holdings, visit, visits } from './support/leaks.js';
import { refusalOf } from './support/admission.js';

const cycles = 10_000;
/**
 * Growth of the heap that is allowed, in bytes per visit. Any object that were kept for each would take more, with what
 * it holds; less is code that is being compiled.
 */
const bytesPerVisit = 150;
/**
 * Of each of the three gateways Nest remembers, until the next ones come, the last connection, its request and the last
 * connection that ended: it compares them with their successors.
 */
const keptByNest = 3 * 3;
const minutes = 60_000;

/** Sockets that were destroyed, refused or reset need a moment to be gone, and some objects a second collection. */
async function atRest(server: CountingServer, expected: Holdings): Promise<Census> {
  const censuses = [
    await vi.waitFor(
      async () => {
        const census = await server.census();
        expect(census.holdings).toEqual(expected);
        return census;
      },
      { timeout: 30_000, interval: 200 },
    ),
  ];
  for (let i = 0; i < 5; i++) censuses.push(await server.census());
  return censuses.reduce((least, census) => (census.heapUsed < least.heapUsed ? census : least));
}

it(
  `${cycles} clients that come and go in every way there is leave nothing behind`,
  async () => {
    await using server = await CountingServer.start();
    const { holdings } = await server.census();
    expect(holdings).toMatchObject({ timers: 0, registry: 0, indexed: 0 });
    // Caches fill up and code is compiled: that is no leak.
    await visit(server, 3_000);
    const before = await atRest(server, holdings);

    await visit(server, cycles);
    const after = await atRest(server, holdings);
    const growth = after.heapUsed - before.heapUsed;
    console.log(
      `${cycles} visits: heap ${(before.heapUsed / 1e6).toFixed(2)} MB + ${growth} B, ` +
        `${after.connections - before.connections} connections, ${after.refusals - before.refusals} refusals`,
    );
    expect(growth).toBeLessThan(cycles * bytesPerVisit);
    expect(after.uncollected).toBeLessThanOrEqual(keptByNest);
    expect(after.goodbyes).toBe(after.connections);
    // Those that are refused, or leave before they are answered, are no connections.
    expect(after.connections - before.connections).toBeGreaterThan((cycles * 8) / Object.keys(visits).length - 50);
    await expectAllPlacesFree(server);
    await atRest(server, holdings);
    expect(await server.close()).toEqual({ exitCode: 0, printed: [] });
  },
  5 * minutes,
);

/** The server has a hundred places, and refuses whoever comes when they are taken. */
async function expectAllPlacesFree(server: CountingServer): Promise<void> {
  const knock = (): Promise<TestClient> => TestClient.connect(server.url('/open'), { timeoutMs: 30_000 });
  const clients = await Promise.all(Array.from({ length: 100 }, knock));
  const { status } = await refusalOf(knock());
  expect(status).toBe(503);
  await Promise.all(clients.map((client) => client.close()));
}
