import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { failureOf } from './requirement.js';
import { until } from './until.js';

/** Why `redis-server` cannot be used; undefined when it can. */
export function redisMissing(): string | undefined {
  return failureOf('redis-server', ['--version']);
}

/** A real server on a free port, whose data a test can take away. */
export class RedisServer implements AsyncDisposable {
  /** Past all faults: for the test itself. */
  readonly admin: Redis;
  #process: ChildProcess | undefined;
  #marks = 0;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly password: string | undefined,
    private readonly settings: readonly string[],
  ) {
    this.admin = new Redis({
      port,
      ...(password !== undefined && { password }),
      retryStrategy: () => 20,
      lazyConnect: true,
    });
    // It is lost with each restart.
    this.admin.on('error', () => undefined);
  }

  /** @param settings - as on the command line, such as `--appendonly`, `yes` */
  static async start(password?: string, settings: readonly string[] = []): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    const server = new RedisServer(await freePort(), folder, password, settings);
    await server.#launch();
    await server.admin.connect();
    return server;
  }

  /** It answers nobody, and keeps all connections. */
  stop(): void {
    this.#process?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    const ended = this.#process;
    if (!ended || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = once(ended, 'exit');
    ended.kill('SIGKILL');
    await exit;
  }

  /** Ends it without a word, and starts it with what was saved at that mark, or without data. */
  async restart(mark?: string): Promise<void> {
    await this.kill();
    await rm(this.#dump, { force: true });
    await rm(join(this.folder, 'appendonlydir'), { recursive: true, force: true });
    if (mark !== undefined) await copyFile(mark, this.#dump);
    await this.#launch();
  }

  /** Ends it without a word, and starts it with what it has on disk. */
  async revive(): Promise<void> {
    await this.kill();
    await this.#launch();
  }

  /** Saves its data. */
  async mark(): Promise<string> {
    await this.admin.save();
    const mark = join(this.folder, `mark-${++this.#marks}.rdb`);
    await copyFile(this.#dump, mark);
    return mark;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect();
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #dump(): string {
    return join(this.folder, 'dump.rdb');
  }

  async #launch(): Promise<void> {
    const settings = ['--port', String(this.port), '--dir', this.folder, '--save', '', '--bind', '127.0.0.1'];
    if (this.password !== undefined) settings.push('--requirepass', this.password);
    settings.push('--repl-diskless-sync-delay', '0', ...this.settings);
    this.#process = spawn('redis-server', settings, { stdio: 'ignore' });
    const { port, password } = this;
    const probe = new Redis({ port, ...(password !== undefined && { password }), retryStrategy: () => 10 });
    probe.on('error', () => undefined);
    try {
      await until('redis-server answers', async () => (await probe.ping().catch(() => '')) === 'PONG');
    } finally {
      probe.disconnect();
    }
  }
}
