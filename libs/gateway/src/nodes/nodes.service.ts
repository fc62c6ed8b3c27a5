import { BackplaneError } from '@holdfast/backplane';
import type { ConnectionRegistry } from '../connection/index.js';
import { HoldfastException } from '../errors/index.js';
import type { NodeCommands } from './node-commands.js';
import type { NodeHeartbeat } from './node-heartbeat.js';

/**
 * What has become of a command to all nodes.
 *
 * @publicApi
 */
export interface NodesResult {
  /** Connections that it has reached, on all nodes that have answered. */
  readonly connections: number;
  /** Nodes that have carried it out, this one included. */
  readonly nodes: number;
  /**
   * Nodes that live and have not answered in time: whether they have carried it out is not known. Undefined: the engine
   * cannot tell how many there are.
   */
  readonly silent: number | undefined;
}

/** @publicApi */
export interface NodesOptions {
  /** Milliseconds to wait for the answers of other nodes. Default 2,000. */
  readonly timeoutMs?: number;
}

/** @publicApi */
export interface DisconnectOptions extends NodesOptions {
  /** Default 4410 `REVOKED`, which tells clients not to reconnect. */
  readonly code?: number;
  readonly reason?: string;
}

const disconnectPrincipal = 'disconnect-principal';

export interface NodesParts {
  readonly commands: NodeCommands;
  readonly heartbeat: NodeHeartbeat;
  readonly registry: ConnectionRegistry;
}

/**
 * All nodes of the application that share an engine, and what is asked of all of them. Inject it anywhere.
 *
 * ```ts
 * const { connections, silent } = await this.nodes.disconnectPrincipal('ada');
 * if (silent !== 0) throw new Error('Some node has not confirmed: try again');
 * ```
 *
 * @publicApi
 */
export class Nodes {
  /** @internal HoldfastModule creates it. */
  constructor(private readonly parts: NodesParts) {
    const { commands, registry } = parts;
    commands.handle(disconnectPrincipal, (data) => {
      // Safe: each member is checked by its use.
      const { subject, code, reason } = data as { subject: string; code?: number; reason?: string };
      return registry.disconnectPrincipal(subject, code, reason);
    });
  }

  /**
   * Closes every connection of an identity, as {@link ConnectionRegistry.disconnectPrincipal} does, on all nodes. This
   * node does it at once, also when it cannot reach others.
   *
   * @throws (rejects with) HoldfastException `UNAVAILABLE` when the other nodes cannot be told; RangeError for a
   *   `timeoutMs` below 1
   */
  disconnectPrincipal(subject: string, options: DisconnectOptions = {}): Promise<NodesResult> {
    const { code, reason } = options;
    return this.everywhere(disconnectPrincipal, { subject, code, reason }, options);
  }

  /**
   * The names of all nodes that live, this one included. Undefined: the engine does not know; the one in the memory of
   * a process does not.
   *
   * @throws (rejects with) HoldfastException `UNAVAILABLE`
   */
  names(): Promise<readonly string[] | undefined> {
    return this.parts.heartbeat.living().catch(unavailable);
  }

  /**
   * Lets this node carry out a command, and then all others.
   *
   * @internal
   */
  async everywhere(command: string, data: unknown, { timeoutMs = 2_000 }: NodesOptions = {}): Promise<NodesResult> {
    if (!(timeoutMs >= 1)) throw new RangeError(`timeoutMs must be 1 or more, not ${timeoutMs}`);
    const { commands } = this.parts;
    const here = commands.carryOutHere(command, data);
    const { answers, silent } = await commands.askOthers(command, data, timeoutMs).catch(unavailable);
    const counts = [here, ...answers.values()].map((count) => (typeof count === 'number' ? count : 0));
    return { connections: counts.reduce((sum, count) => sum + count, 0), nodes: 1 + answers.size, silent };
  }
}

function unavailable(error: unknown): never {
  if (!(error instanceof BackplaneError)) throw error;
  throw new HoldfastException('UNAVAILABLE', 'The other nodes cannot be reached at the moment', undefined, {
    cause: error,
  });
}
