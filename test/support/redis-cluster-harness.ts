import { setTimeout as sleep } from 'node:timers/promises';
import type { Backplane } from '@holdfast/backplane';
import { type BackplaneCapability, type BackplaneHarness, describeBackplane, FaultProxy } from '@holdfast/testing';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { RedisCluster } from './redis-cluster.js';
import { redisMissing } from './redis-server.js';
import { requires } from './requirement.js';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Makes an engine on a cluster. */
export type ConnectCluster = (
  /** Where the cluster can be asked. */
  addresses: Address[],
  /** For the addresses that the cluster tells: those to use. */
  map: Record<string, Address>,
  options: { readonly prefix: string; readonly roomIdleMs: number; readonly deadlineMs: number },
) => Backplane;

const capabilities: BackplaneCapability[] = [
  ...(['sessions', 'cut', 'mend', 'loseReply', 'pause', 'unpause', 'fill', 'empty', 'mark', 'rollBack'] as const),
];

/** Rooms on each of the masters. */
const everywhere = Array.from({ length: 50 }, (_, index) => `any ${index}`);

/** Defines the tests of an engine on a cluster. */
export function describeOnCluster(library: string, connect: ConnectCluster): void {
  requires('redis-server', redisMissing)('the engine on a cluster', () => {
    let cluster: RedisCluster;
    let tests = 0;
    beforeAll(async () => {
      cluster = await RedisCluster.start();
    });
    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
    });
    const create = (): BackplaneHarness => createHarness(cluster, `test-${++tests}`, connect);
    describeBackplane(`RedisBackplane by ${library}`, create, capabilities, { describe, it });
  });
}

/** A prefix for each test, and a proxy for each node and master. */
function createHarness(cluster: RedisCluster, prefix: string, connect: ConnectCluster): BackplaneHarness {
  const { servers } = cluster;
  const nodes = new Map<Backplane, FaultProxy[]>();
  const proxiesOf = (node: Backplane): FaultProxy[] => nodes.get(node) ?? [];
  const restart = async (marks?: readonly string[]): Promise<void> => {
    await Promise.all(servers.map((server, index) => server.restart(marks?.[index])));
    await cluster.ready();
    for (const node of nodes.keys()) {
      await vi.waitFor(() => node.tops(everywhere), { timeout: 10_000, interval: 20 });
    }
  };
  const setMemory = async (bytes: number): Promise<void> => {
    for (const { admin } of servers) await admin.config('SET', 'maxmemory', bytes);
  };
  return {
    roomIdleMs: 3_000,
    createNode: async () => {
      const proxies = await Promise.all(servers.map(({ port }) => FaultProxy.start(port)));
      const addresses = proxies.map(({ port }) => ({ host: '127.0.0.1', port }));
      const map: Record<string, Address> = {};
      for (const [index, address] of addresses.entries()) map[`127.0.0.1:${servers[index]?.port}`] = address;
      const node = connect(addresses, map, { prefix, roomIdleMs: 3_000, deadlineMs: 500 });
      nodes.set(node, proxies);
      return node;
    },
    advance: (ms) => sleep(ms),
    settle: () => sleep(10),
    control: {
      cut: (node) => {
        for (const proxy of proxiesOf(node)) {
          proxy.leadTo(undefined);
          proxy.reset();
        }
      },
      mend: (node) => {
        for (const [index, proxy] of proxiesOf(node).entries()) proxy.leadTo(servers[index]?.port);
      },
      // Only that of the room answers anything meanwhile.
      loseReply: (node) => {
        for (const proxy of proxiesOf(node)) proxy.loseAnswer();
      },
      pause: () => {
        for (const server of servers) server.stop();
      },
      unpause: () => {
        for (const server of servers) server.goOn();
      },
      fill: () => setMemory(1),
      empty: () => restart(),
      mark: () => Promise.all(servers.map((server) => server.mark())),
      // What `mark` has given.
      rollBack: (marks) => restart(marks as string[]),
    },
    dispose: async () => {
      for (const server of servers) server.goOn();
      await setMemory(0);
      for (const proxies of nodes.values()) for (const proxy of proxies) await proxy.close();
    },
  };
}
