import { vi } from 'vitest';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const host = '127.0.0.1';
const slots = 16_384;
const masters = 3;

/** A cluster of three masters, with a third of the slots each. */
export class RedisCluster implements AsyncDisposable {
  private constructor(
    readonly servers: readonly RedisServer[],
    private readonly nodeTimeoutMs: number,
  ) {}

  /** @param nodeTimeoutMs - after which a server that does not answer is taken for dead */
  static async start(nodeTimeoutMs = 5_000): Promise<RedisCluster> {
    const cluster = new RedisCluster(
      await Promise.all(Array.from({ length: masters }, () => startMember(nodeTimeoutMs))),
      nodeTimeoutMs,
    );
    const [first, ...others] = cluster.servers;
    for (const [index, server] of cluster.servers.entries()) {
      const range = [Math.floor((index * slots) / masters), Math.floor(((index + 1) * slots) / masters) - 1];
      await server.admin.call('CLUSTER', 'ADDSLOTSRANGE', ...range);
      await server.admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }
    for (const server of others) if (first) await meet(server, first);
    await cluster.ready();
    return cluster;
  }

  get addresses(): { host: string; port: number }[] {
    return this.servers.map(({ port }) => ({ host, port }));
  }

  /** All servers know that all slots are served. */
  async ready(): Promise<void> {
    for (const { admin } of this.servers) {
      await vi.waitFor(
        async () => {
          const info = String(await admin.call('CLUSTER', 'INFO'));
          if (!info.includes('cluster_state:ok') || !info.includes(`cluster_known_nodes:${masters}`))
            throw new Error(info);
        },
        { timeout: 20_000, interval: 20 },
      );
    }
  }

  /** Adds a replica of a master, that takes over when the master is dead. */
  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const replica = await startMember(this.nodeTimeoutMs);
    await meet(replica, master);
    const id = await idOf(master);
    await vi.waitFor(() => replica.admin.call('CLUSTER', 'REPLICATE', id), { timeout: 10_000, interval: 20 });
    await vi.waitFor(
      async () => {
        const info = await replica.admin.info('replication');
        if (!info.includes('master_link_status:up')) throw new Error('not in sync');
        // A server that is not known to the others gets no votes.
        for (const { admin } of this.servers) {
          if (!String(await admin.call('CLUSTER', 'NODES')).includes(`:${replica.port}@`)) throw new Error('not known');
        }
      },
      { timeout: 10_000, interval: 20 },
    );
    return replica;
  }

  /** The server that has a key with this ending, and the slot of the key. */
  async find(ending: string): Promise<{ readonly server: RedisServer; readonly slot: number }> {
    for (const server of this.servers) {
      const [key] = await server.admin.keys(`*${ending}`);
      if (key !== undefined) return { server, slot: Number(await server.admin.call('CLUSTER', 'KEYSLOT', key)) };
    }
    throw new Error(`no server has a key that ends with ${ending}`);
  }

  /**
   * Moves a slot with all its keys, one key at a time, as `redis-cli --cluster reshard` does it.
   *
   * @param during - called while all keys are still with the old master, and when all are with the new one
   */
  async move(slot: number, from: RedisServer, to: RedisServer, during: () => Promise<void>): Promise<void> {
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    await during();
    for (;;) {
      const keys = await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 1);
      if (!Array.isArray(keys) || keys.length === 0) break;
      await from.admin.call('MIGRATE', host, to.port, '', 0, 5_000, 'KEYS', ...keys.map(String));
    }
    await during();
    for (const { admin } of [to, from, ...this.servers.filter((server) => server !== to && server !== from)]) {
      await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function startMember(nodeTimeoutMs: number): Promise<RedisServer> {
  return await RedisServer.start(undefined, [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)],
    // By default 10,000 more than the other port, which may be none.
    ...['--cluster-port', String(await freePort())],
  ]);
}

async function meet(server: RedisServer, other: RedisServer): Promise<void> {
  const busPort = await other.admin.config('GET', 'cluster-port');
  await server.admin.call('CLUSTER', 'MEET', host, other.port, Array.isArray(busPort) ? String(busPort[1]) : '');
}

async function idOf(server: RedisServer): Promise<string> {
  return String(await server.admin.call('CLUSTER', 'MYID'));
}
