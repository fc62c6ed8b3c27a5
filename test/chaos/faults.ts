import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.js';

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  /** How often it is drawn beside the others. */
  readonly weight: number;
  readonly losesData?: boolean;
  /** Takes longer than a short run has. */
  readonly isLong?: boolean;
  /** Breaks something, and makes it whole again. */
  run(cluster: Cluster, between: (least: number, most: number) => number): Promise<void>;
}

/** Longer than the lease of a node, which is 15 s. */
const stoppedMs = 18_000;

export const faultKinds: readonly FaultKind[] = [
  {
    name: 'node killed',
    weight: 3,
    run: async (cluster, between) => {
      const node = cluster.anyNode();
      await node.end('SIGKILL');
      await sleep(between(200, 2_000));
      await node.start();
    },
  },
  {
    name: 'node drained',
    weight: 3,
    run: async (cluster, between) => {
      const node = cluster.anyNode();
      await node.end('SIGTERM');
      await sleep(between(0, 1_000));
      await node.start();
    },
  },
  {
    name: 'node stopped for a while',
    weight: 2,
    run: async (cluster, between) => {
      const node = cluster.anyNode();
      node.signal('SIGSTOP');
      await sleep(between(500, 3_000));
      node.signal('SIGCONT');
    },
  },
  {
    name: 'node stopped beyond its lease',
    weight: 1,
    isLong: true,
    run: async (cluster) => {
      const node = cluster.anyNode();
      node.signal('SIGSTOP');
      await sleep(stoppedMs);
      node.signal('SIGCONT');
    },
  },
  {
    name: 'redis killed',
    weight: 2,
    run: async ({ redis }) => {
      await redis.revive();
    },
  },
  {
    name: 'redis emptied',
    weight: 1,
    losesData: true,
    run: async ({ redis }) => {
      await redis.restart();
    },
  },
  {
    name: 'redis connections killed',
    weight: 2,
    run: async ({ redis }, between) => {
      const type = between(0, 1) < 0.5 ? 'pubsub' : 'normal';
      await redis.admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    },
  },
  {
    name: 'redis paused',
    weight: 2,
    run: async ({ redis }, between) => {
      const ms = Math.round(between(500, 3_000));
      await redis.admin.call('CLIENT', 'PAUSE', ms, 'ALL');
      await sleep(ms);
    },
  },
  {
    name: 'proxy reloaded',
    weight: 2,
    run: (cluster) => cluster.reloadProxy(),
  },
  {
    name: 'clients cut',
    weight: 3,
    run: (cluster, between) => {
      const share = between(0.1, 0.6);
      for (const follower of cluster.followers) if (between(0, 1) < share) follower.cut();
      return Promise.resolve();
    },
  },
];
