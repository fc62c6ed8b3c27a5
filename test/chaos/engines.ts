import { RedisSentinel } from '../support/redis-sentinel.js';
import { RedisServer } from '../support/redis-server.js';

/** The Redis of a cluster of nodes. */
export interface ChaosEngine extends AsyncDisposable {
  readonly kind: 'single' | 'sentinel';
  /** Variables of the nodes that lead to it. */
  readonly variables: Readonly<Record<string, string>>;
  /** The server that takes writes by now. */
  current(): Promise<RedisServer>;
}

/** One server, which loses nothing when it is killed. */
export class SingleEngine implements ChaosEngine {
  readonly kind = 'single';

  private constructor(private readonly server: RedisServer) {}

  static async start(): Promise<SingleEngine> {
    return new SingleEngine(await RedisServer.start(undefined, ['--appendonly', 'yes', '--appendfsync', 'always']));
  }

  get variables(): Record<string, string> {
    return { REDIS_PORT: String(this.server.port) };
  }

  current(): Promise<RedisServer> {
    return Promise.resolve(this.server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** A primary and its replica, watched by Sentinel: what the replica has not got yet is lost with the primary. */
export class SentinelEngine implements ChaosEngine {
  readonly kind = 'sentinel';

  private constructor(readonly sentinel: RedisSentinel) {}

  static async start(): Promise<SentinelEngine> {
    return new SentinelEngine(await RedisSentinel.start(3_000));
  }

  get variables(): Record<string, string> {
    return { SENTINEL_PORT: String(this.sentinel.port), SENTINEL_NAME: this.sentinel.name };
  }

  current(): Promise<RedisServer> {
    return this.sentinel.current();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sentinel[Symbol.asyncDispose]();
  }
}
