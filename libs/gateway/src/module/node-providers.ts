import { randomUUID } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import { type Backplane, MemoryBackplane } from '@holdfast/backplane';
import { ConnectionRegistry } from '../connection/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, HOLDFAST_RANDOM, type Random, TimerWheel } from '../ground/index.js';
import { EngineHealth, NodeCommands, NodeHeartbeat, Nodes } from '../nodes/index.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_BACKPLANE, HOLDFAST_NODE, HOLDFAST_OPTIONS } from './tokens.js';

/** The engine, and the nodes that share it. */
export const nodeProviders: Provider[] = [
  { provide: HOLDFAST_NODE, useFactory: () => randomUUID() },
  {
    provide: HOLDFAST_BACKPLANE,
    inject: [HOLDFAST_OPTIONS, HOLDFAST_CLOCK, HOLDFAST_RANDOM],
    useFactory: ({ backplane, roomLimits }: ResolvedOptions, clock: Clock, random: Random): Backplane =>
      backplane ?? new MemoryBackplane({ maxBytes: roomLimits.historyBytes, clock, random }),
  },
  {
    provide: EngineHealth,
    inject: [HOLDFAST_BACKPLANE],
    useFactory: (backplane: Backplane) => new EngineHealth(backplane),
  },
  {
    provide: NodeHeartbeat,
    inject: [HOLDFAST_BACKPLANE, HOLDFAST_CLOCK, TimerWheel, BoundedLog],
    useFactory: ({ nodes: registry }: Backplane, clock: Clock, wheel: TimerWheel, log: BoundedLog) =>
      new NodeHeartbeat({ registry, clock, wheel, log }),
  },
  {
    provide: NodeCommands,
    inject: [HOLDFAST_BACKPLANE, HOLDFAST_NODE, NodeHeartbeat, HOLDFAST_CLOCK, BoundedLog],
    useFactory: (backplane: Backplane, node: string, heartbeat: NodeHeartbeat, clock: Clock, log: BoundedLog) =>
      new NodeCommands({
        ...{ node, clock, log },
        send: (to, command) => backplane.send(to, command),
        living: () => heartbeat.living(),
      }),
  },
  {
    provide: Nodes,
    inject: [NodeCommands, NodeHeartbeat, ConnectionRegistry],
    useFactory: (commands: NodeCommands, heartbeat: NodeHeartbeat, registry: ConnectionRegistry) =>
      new Nodes({ commands, heartbeat, registry }),
  },
];
