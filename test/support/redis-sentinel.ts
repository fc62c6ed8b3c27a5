import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';
import { until } from './until.js';

/** A primary with one replica, and a Sentinel that decides alone. */
export class RedisSentinel implements AsyncDisposable {
  /** Of the primary, as Sentinel names it. */
  readonly name = 'main';

  private constructor(
    readonly port: number,
    readonly primary: RedisServer,
    readonly replica: RedisServer,
    private readonly folder: string,
    private readonly process: ChildProcess,
    private readonly admin: Redis,
  ) {}

  /**
   * @param downAfterMs - after which Sentinel replaces a primary that does not answer. Below 2,000 it may replace the
   *   next one right away, before it has connected to it.
   */
  static async start(downAfterMs = 500): Promise<RedisSentinel> {
    const primary = await RedisServer.start();
    const replica = await RedisServer.start(undefined, ['--replicaof', '127.0.0.1', String(primary.port)]);
    await until('the replica is in sync', async () =>
      (await replica.admin.info('replication')).includes('master_link_status:up'),
    );
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-sentinel-'));
    const file = join(folder, 'sentinel.conf');
    const settings = [
      ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor main 127.0.0.1 ${primary.port} 1`],
      ...[`sentinel down-after-milliseconds main ${downAfterMs}`, 'sentinel failover-timeout main 5000'],
    ];
    await writeFile(file, settings.join('\n'));
    const process = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    const admin = new Redis({ port, retryStrategy: () => 20 });
    admin.on('error', () => undefined);
    const started = new RedisSentinel(port, primary, replica, folder, process, admin);
    // Only a replica that it knows can take over.
    await until('Sentinel knows the replica', async () => {
      const replicas = await admin.call('SENTINEL', 'REPLICAS', started.name);
      return JSON.stringify(replicas).includes('"master-link-status","ok"');
    });
    return started;
  }

  /** The server that is the primary by now, as Sentinel says. */
  async current(): Promise<RedisServer> {
    const address = await this.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name);
    const isPrimary = ({ port }: RedisServer): boolean => JSON.stringify(address).includes(`"${port}"`);
    return isPrimary(this.primary) ? this.primary : this.replica;
  }

  /** Resolves when another server than this one is the primary, and the other one follows it. */
  async replaced(old: RedisServer): Promise<void> {
    await until('Sentinel has replaced the primary', async () => (await this.current()) !== old, 30_000);
  }

  /** Resolves when this server is a replica that has all there is. */
  async follows(server: RedisServer): Promise<void> {
    const isReplica = async (): Promise<boolean> => {
      const info = await server.admin.info('replication').catch(() => '');
      return info.includes('role:slave') && info.includes('master_link_status:up');
    };
    await until('the old primary follows the new one', isReplica, 30_000);
  }

  /** All that the primary has stored is with the replica, too. */
  async synchronized(): Promise<void> {
    // WAIT is about what its own connection has written.
    await this.primary.admin.set('synchronized', Date.now());
    if ((await this.primary.admin.wait(1, 10_000)) < 1) throw new Error('the replica lags behind');
  }

  /** From now on the replica gets nothing any more, and does not answer. */
  async cutReplica(): Promise<void> {
    this.replica.stop();
    await this.primary.admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect();
    const exit = once(this.process, 'exit');
    if (this.process.kill('SIGKILL')) await exit;
    await this.primary[Symbol.asyncDispose]();
    await this.replica[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
