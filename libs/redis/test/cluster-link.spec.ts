import { systemClock } from '@holdfast/backplane';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClusterLink } from '../src/cluster/cluster-link.js';
import type { ClusterSource } from '../src/cluster/cluster-source.js';
import { LinkError } from '../src/link.js';
import type { ServerLink, ServerListener } from '../src/server-link.js';
import { slotOfKey, slots } from '../src/slots.js';

/** Three servers, each of which knows which slots are its own. */
class FakeCluster implements ClusterSource {
  readonly servers = new Map(['a:1', 'b:1', 'c:1'].map((address) => [address, new FakeServer(this, address)]));
  readonly #owners = Array.from({ length: slots }, (_, slot) => ['a:1', 'b:1', 'c:1'][slot % 3] ?? '');
  /** What is told to those who ask; undefined: the truth. */
  told: string[] | undefined;
  looks = 0;

  masters(): Promise<readonly string[]> {
    this.looks++;
    return Promise.resolve([...(this.told ?? this.#owners)]);
  }
  addressOf(told: string): string {
    return told;
  }
  connect(address: string): ServerLink {
    return this.at(address);
  }

  at(address: string): FakeServer {
    const server = this.servers.get(address);
    if (!server) throw new Error(`no server ${address}`);
    return server;
  }
  ownerOf(slot: number): FakeServer {
    return this.at(this.#owners[slot] ?? '');
  }
  /** Its old master ends the subscriptions, as a real one does. */
  move(slot: number, to: string): void {
    const old = this.ownerOf(slot);
    this.#owners[slot] = to;
    old.endSubscriptions(slot);
  }
  freeze(): void {
    this.told = [...this.#owners];
  }
}

class FakeServer implements ServerLink {
  readonly calls: string[] = [];
  readonly channels = new Set<string>();
  /** Answers to the next commands, in place of the usual one. */
  readonly refusals: string[] = [];
  #listener: ServerListener | undefined;
  #isAsking = false;

  constructor(
    private readonly cluster: FakeCluster,
    private readonly address: string,
  ) {}

  open(listener: ServerListener): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }
  command(name: string, args: readonly unknown[]): Promise<unknown> {
    const key = String(args[0]);
    this.calls.push(name);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return Promise.reject(new LinkError('reply', true, refusal));
    if (name === 'ASKING') {
      this.#isAsking = true;
      return Promise.resolve('OK');
    }
    if (!this.#isAsking) this.#owns(key);
    this.#isAsking = false;
    return Promise.resolve(this.address);
  }
  async subscribe(channels: readonly string[]): Promise<void> {
    await Promise.resolve();
    for (const channel of channels) this.#owns(channel);
    for (const channel of channels) this.channels.add(channel);
  }
  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.channels.delete(channel);
  }
  reconnect(): void {
    throw new Error('not expected');
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  endSubscriptions(slot: number): void {
    for (const channel of this.channels) if (slotOfKey(channel) === slot) this.channels.delete(channel);
    this.#listener?.moved();
  }
  deliver(channel: string): void {
    if (this.channels.has(channel)) this.#listener?.message(channel, new Uint8Array());
  }

  #owns(key: string): void {
    const owner = this.cluster.ownerOf(slotOfKey(key));
    if (owner !== this) throw new LinkError('reply', true, `MOVED ${slotOfKey(key)} ${owner.address}`);
  }
}

const links: ClusterLink[] = [];
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
});

async function opened(cluster: FakeCluster, heard: string[] = []): Promise<ClusterLink> {
  const link = new ClusterLink(cluster);
  links.push(link);
  const listener = {
    message: (channel: string) => heard.push(channel),
    down: (channels: readonly string[] | 'all') => heard.push(`down ${String(channels)}`),
    up: (channels: readonly string[] | 'all') => heard.push(`up ${String(channels)}`),
  };
  await link.open({ listener, deadlineMs: 500, clock: systemClock, probeChannel: (tag) => `{${tag}}:probe` });
  return link;
}

const key = '{1}';
const slot = slotOfKey(key);
const addresses = ['a:1', 'b:1', 'c:1'];

describe('a command', () => {
  it('goes to the master of its slot', async () => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    const keys = ['{1}', '{2}', 'three', '{4}five', ''];
    for (const each of keys) {
      await expect(link.command(each, 'GET', [each], 500)).resolves.toBe(addresses[slotOfKey(each) % 3]);
    }
  });

  it('follows its slot, and asks the cluster again', async () => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    for (const to of addresses) {
      cluster.move(slot, to);
      await expect(link.command(key, 'GET', [key], 500)).resolves.toBe(to);
    }
    await vi.waitFor(() => expect(cluster.looks).toBeGreaterThan(1));
  });

  it('follows its slot though the cluster has not heard of it yet', async () => {
    const cluster = new FakeCluster();
    cluster.freeze();
    const link = await opened(cluster);
    const old = cluster.ownerOf(slot);
    const to = addresses.find((address) => cluster.at(address) !== old) ?? '';
    cluster.move(slot, to);
    await expect(link.command(key, 'GET', [key], 500)).resolves.toBe(to);
    await vi.waitFor(() => expect(cluster.looks).toBeGreaterThan(2));
    const calls = old.calls.length;
    await expect(link.command(key, 'GET', [key], 500)).resolves.toBe(to);
    expect(old.calls).toHaveLength(calls);
  });

  it('goes where its slot moves, with nothing between it and `ASKING`', async () => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    const owner = cluster.ownerOf(slot);
    const to = addresses.find((address) => cluster.at(address) !== owner) ?? '';
    owner.refusals.push(`ASK ${slot} ${to}`);
    await expect(link.command(key, 'SET', [key], 500)).resolves.toBe(to);
    expect(cluster.at(to).calls).toEqual(['ASKING', 'SET']);
    await expect(link.command(key, 'GET', [key], 500)).resolves.not.toBe(to);
  });

  it.each([
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CLUSTERDOWN Hash slot not served',
    'ERR Script attempted to access a non local key in a cluster node script: d32, on @user_script:10.',
    'MOVED 3999 :6381',
  ])('waits until both sides are one again: %s', async (refusal) => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    cluster.ownerOf(slot).refusals.push(refusal, refusal, refusal);
    await expect(link.command(key, 'GET', [key], 500)).resolves.toBe(addresses[slot % 3]);
  });

  it('ends in time, and says that nothing was carried out', async () => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    cluster.ownerOf(slot).refusals.push(...new Array<string>(1_000).fill('TRYAGAIN later'));
    const startedAt = performance.now();
    await expect(link.command(key, 'GET', [key], 200)).rejects.toMatchObject({
      kind: 'reply',
      message: 'TRYAGAIN later',
    });
    expect(performance.now() - startedAt).toBeLessThan(400);
  });

  it.each(['ERR something else', 'OOM command not allowed'])(
    'is not repeated after another error: %s',
    async (error) => {
      const cluster = new FakeCluster();
      const link = await opened(cluster);
      cluster.ownerOf(slot).refusals.push(error);
      await expect(link.command(key, 'GET', [key], 500)).rejects.toThrow(error);
      expect(cluster.ownerOf(slot).calls).toEqual(['GET']);
    },
  );
});

describe('a channel', () => {
  it.each([
    ['the cluster knows it', (cluster: FakeCluster) => (cluster.told = undefined)],
    ['the cluster has not heard of it yet', (cluster: FakeCluster) => cluster.freeze()],
  ])('follows its slot, and what may be lost meanwhile is told: %s', async (_, tell) => {
    const cluster = new FakeCluster();
    tell(cluster);
    const heard: string[] = [];
    const link = await opened(cluster, heard);
    const other = '{2}:other';
    await link.subscribe([`${key}:channel`, other], 500);
    const to = addresses.find((address) => cluster.at(address) !== cluster.ownerOf(slot)) ?? '';
    cluster.move(slot, to);
    await vi.waitFor(() => expect(heard).toEqual([`down ${key}:channel`, `up ${key}:channel`]));
    cluster.at(to).deliver(`${key}:channel`);
    cluster.ownerOf(slotOfKey(other)).deliver(other);
    expect(heard.slice(2)).toEqual([`${key}:channel`, other]);
  });

  it('is not subscribed any more after it has ended, wherever its slot is', async () => {
    const cluster = new FakeCluster();
    const link = await opened(cluster);
    await link.subscribe([`${key}:channel`], 500);
    const to = addresses.find((address) => cluster.at(address) !== cluster.ownerOf(slot)) ?? '';
    cluster.move(slot, to);
    await vi.waitFor(() => expect(cluster.at(to).channels).toContain(`${key}:channel`));
    link.unsubscribe([`${key}:channel`]);
    for (const { channels } of cluster.servers.values()) expect(channels).not.toContain(`${key}:channel`);
  });
});
