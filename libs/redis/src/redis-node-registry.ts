import type { NodeBeat, NodeRegistry } from '@holdfast/backplane';
import type { Keys } from './keys.js';
import type { Argument, Script } from './link.js';
import { Reply } from './replies.js';
import { beat } from './scripts/nodes.js';

export interface RedisNodeRegistryParts {
  readonly keys: Keys;
  /** The name of this node. */
  readonly node: () => string;
  /** @throws BackplaneError */
  run(script: Script, key: string, args: readonly Argument[]): Promise<unknown>;
}

/** Nodes in Redis: one sorted set, by the ends of their leases. */
export class RedisNodeRegistry implements NodeRegistry {
  constructor(private readonly parts: RedisNodeRegistryParts) {}

  async beat(leaseMs: number): Promise<NodeBeat> {
    const { keys, node } = this.parts;
    const reply = new Reply(await this.parts.run(beat, keys.nodes, [node(), leaseMs]), 'node');
    const wasKnown = reply.number() === 1;
    const names = new Reply(reply.rest()[0], 'node');
    const nodes: string[] = [];
    while (names.hasMore) nodes.push(names.text());
    return { wasKnown, nodes };
  }
}
