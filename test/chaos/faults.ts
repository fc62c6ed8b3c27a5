import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.js';
import { SentinelEngine } from './engines.js';

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  /** How often it is drawn beside the others. */
  readonly weight: number;
  readonly losesData?: boolean;
  /** Takes longer than a short run has. */
  readonly isLong?: boolean;
  /** Default: any. */
  readonly engine?: 'single' | 'sentinel';
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
    engine: 'single',
    run: async ({ engine }) => {
      await (await engine.current()).revive();
    },
  },
  {
    name: 'redis emptied',
    weight: 1,
    losesData: true,
    engine: 'single',
    run: async ({ engine }) => {
      await (await engine.current()).restart();
    },
  },
  {
    name: 'redis primary killed, replica promoted',
    weight: 3,
    losesData: true,
    engine: 'sentinel',
    run: (cluster) => replacePrimary(cluster, 'kill'),
  },
  {
    name: 'redis primary stopped, replica promoted',
    weight: 2,
    losesData: true,
    engine: 'sentinel',
    run: (cluster) => replacePrimary(cluster, 'stop'),
  },
  {
    name: 'redis connections killed',
    weight: 2,
    run: async ({ engine }, between) => {
      const { admin } = await engine.current();
      const type = between(0, 1) < 0.5 ? 'pubsub' : 'normal';
      await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    },
  },
  {
    name: 'redis paused',
    weight: 2,
    // Sentinel would replace it.
    engine: 'single',
    run: async ({ engine }, between) => {
      const ms = Math.round(between(500, 3_000));
      await (await engine.current()).admin.call('CLIENT', 'PAUSE', ms, 'ALL');
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

async function replacePrimary({ engine }: Cluster, how: 'kill' | 'stop'): Promise<void> {
  if (!(engine instanceof SentinelEngine)) throw new TypeError('there is no Sentinel');
  const old = await engine.current();
  if (how === 'kill') await old.kill();
  else old.stop();
  await engine.sentinel.replaced(old);
  if (how === 'kill') await old.revive();
  else old.goOn();
  // Without a replica the next one would be the end.
  await engine.sentinel.follows(old);
}
