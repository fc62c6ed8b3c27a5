import { once } from 'node:events';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from './free-port.js';
import { Talk } from './deployed-talk.js';
import { Visitors } from './deployed-visitors.js';
import { Crowd, Node } from './deployed.js';
import { ProxyProcess, type ProxyProgram } from './proxy-process.js';
import { RedisServer } from './redis-server.js';
import { tokenOf } from './service.js';

/** What the tests ask of the shipped files of one proxy. */
export interface Deployment {
  readonly program: ProxyProgram;
  /** The shipped files by the names under which they refer to each other, for two nodes. */
  readonly files: Readonly<Record<string, string>>;
  /** The same files when `old` and `canary`, the two nodes, are to get such shares of new connections. */
  shares(old: number, canary: number): Readonly<Record<string, string>>;
  /** What is replaced: addresses, and what the machine of a test does not allow. */
  replacements(port: number, first: number, second: number): Readonly<Record<string, string>>;
  /** Whether its log says that it sends connections to the first node, as far as it looks after that by itself. */
  seesFirst(log: string): boolean;
  /** Whether it asks nodes by itself how they are, and so notices one that hangs. */
  readonly checksNodes: boolean;
}

/** More than in one batch would not change what is seen, and each of them reconnects in each test. */
const crowdSize = 8;

/** Tests of a proxy that is started with the shipped files, in front of two processes of the service on one Redis. */
export function carriesTraffic(deployment: Deployment): void {
  const parts: AsyncDisposable[] = [];
  let first: Node;
  let second: Node;
  let proxy: ProxyProcess;
  let origin: string;

  const started = async <T extends AsyncDisposable>(starting: Promise<T>): Promise<T> => {
    const part = await starting;
    parts.push(part);
    return part;
  };

  beforeAll(async () => {
    const redis = await started(RedisServer.start());
    [first, second] = await Promise.all([started(Node.start(redis.port)), started(Node.start(redis.port))]);
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const replacements = deployment.replacements(port, first.port, second.port);
    proxy = await started(ProxyProcess.start(deployment.program, deployment.files, replacements));
  });
  afterAll(async () => {
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
  });

  const connections = (): Promise<number[]> => Promise.all([first.connections(), second.connections()]);
  const nobodyIsConnected = (): Promise<void> =>
    vi.waitFor(async () => expect(await connections()).toEqual([0, 0]), 10_000);

  // First, because the log has ten arrivals of ten seconds.
  it('tells the service who the clients are, whatever they say about it', async () => {
    const token = await tokenOf('carol');
    const claims = { 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=7.7.7.7', 'X-Forwarded-Host': 'evil.example' };
    const headers = { Authorization: `Bearer ${token}`, ...claims };
    const url = `${origin.replace('http', 'ws')}/live`;
    const socket = new WebSocket(url, { headers, origin, localAddress: '127.0.0.9' });
    await once(socket, 'open');
    await vi.waitFor(() => expect(first.log + second.log).toContain('from 127.0.0.9 to /live'), 10_000);
    socket.terminate();
    const foreign = TestClient.connect(url, { token, headers: claims, origin: 'http://evil.example' });
    await expect(foreign).rejects.toMatchObject({ status: 403, body: { error: { code: 'ORIGIN_FORBIDDEN' } } });
  });

  it('passes on WebSockets, evenly, and requests, but not /metrics', async () => {
    await nobodyIsConnected();
    {
      await using visitors = await Visitors.connect(origin, 20);
      expect(await connections()).toEqual([10, 10]);
      expect(visitors.size).toBe(20);
    }
    const paths = ['/health/ready', '/', '/metrics', '/METRICS/'];
    const answers = await Promise.all(paths.map((path) => fetch(origin + path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404]);
    await nobodyIsConnected();
  });

  it('is reloaded without anybody noticing', async () => {
    using crowd = await Crowd.connect(origin, crowdSize);
    const talk = new Talk(origin);
    await crowd.hears(talk, 2);
    await proxy.reload(deployment.files);
    await using visitors = await Visitors.connect(origin, 4);
    await crowd.hears(talk, 2);
    await crowd.hasHeard(await talk.end());
    expect(crowd.ends).toEqual([]);
    expect(visitors.size).toBe(4);
  });

  it('loses nothing while a node is restarted, and gives it connections at once when it is back', async () => {
    await nobodyIsConnected();
    using crowd = await Crowd.connect(origin, crowdSize);
    expect(await connections()).toEqual([crowdSize / 2, crowdSize / 2]);
    const talk = new Talk(origin);
    await crowd.hears(talk, 1);
    expect(await first.stop()).toBe(0);
    await first.start();
    await crowd.connected();
    await crowd.hears(talk, 2);
    await crowd.hasHeard(await talk.end());
    // Those of the first node had another connection before theirs was closed.
    expect(crowd).toMatchObject({ ends: [], moved: crowdSize / 2 });
    await vi.waitFor(() => expect(deployment.seesFirst(proxy.log)).toBe(true), 10_000);
    await using visitors = await Visitors.connect(origin, 40);
    const [returned = 0, other = 0] = await connections();
    console.log(`40 upgrades after the restart: ${visitors.size} succeeded; ${returned} and ${other} connections`);
    expect(returned + other).toBe(crowdSize + 40);
    expect(returned).toBe(other);
  });

  if (deployment.checksNodes) {
    it('sends nobody to a node that hangs', async () => {
      await nobodyIsConnected();
      first.pause();
      try {
        await vi.waitFor(() => expect(deployment.seesFirst(proxy.log)).toBe(false), 15_000);
        await using visitors = await Visitors.connect(origin, 8);
        expect(visitors.size).toBe(8);
        expect(await second.connections()).toBe(8);
      } finally {
        first.resume();
      }
      await vi.waitFor(() => expect(deployment.seesFirst(proxy.log)).toBe(true), 15_000);
    });
  }

  it('shifts a canary from 5 % to everything, and loses nothing', async () => {
    await nobodyIsConnected();
    using crowd = await Crowd.connect(origin, crowdSize);
    const talk = new Talk(origin);
    /** Of so many new connections, those at each node. */
    const placed = async (old: number, canary: number, size: number): Promise<number[]> => {
      await proxy.reload(deployment.shares(old, canary));
      await vi.waitFor(async () => expect(sum(await connections())).toBe(crowdSize), 10_000);
      const before = await connections();
      await using visitors = await Visitors.connect(origin, size);
      expect(visitors.size).toBe(size);
      return (await connections()).map((count, node) => count - before[node]!);
    };
    // A request under way counts as a connection too, so one or two may go to the other node.
    const [, few = 0] = await placed(95, 5, 20);
    expect(few).toBeLessThanOrEqual(3);
    const [, half = 0] = await placed(50, 50, 10);
    expect(Math.abs(half - 5)).toBeLessThanOrEqual(2);
    expect(await placed(0, 100, 10)).toEqual([0, 10]);
    console.log(`Of 20 connections at 5 %: ${few} at the canary; of 10 at 50 %: ${half}`);
    expect(crowd.ends).toEqual([]);
    expect(await first.stop()).toBe(0);
    await crowd.connected();
    expect(await second.connections()).toBe(crowdSize);
    await crowd.hears(talk, 2);
    await crowd.hasHeard(await talk.end());
    expect(crowd).toMatchObject({ ends: [], moved: crowdSize / 2 });
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
