import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit, Provider } from '@nestjs/common';
import { type Backplane, RoomHub } from '@holdfast/backplane';
import { ConnectionRegistry } from '../connection/index.js';
import { Dispatcher } from '../dispatch/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, HOLDFAST_RANDOM, type Random, TimerWheel } from '../ground/index.js';
import { Handovers } from '../lifecycle/index.js';
import { NodeCommands, NodeHeartbeat, Nodes } from '../nodes/index.js';
import { RoomFrames, RoomMemberships, RoomPolicies, RoomPublishing, Rooms, type RoomTally } from '../rooms/index.js';
import { Sessions } from '../session/index.js';
import { Counters, Metrics } from '../telemetry/index.js';
import { DeclaredPolicies } from './declared-policies.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_BACKPLANE, HOLDFAST_NODE, HOLDFAST_OPTIONS } from './tokens.js';

/** Connects the engine of the rooms at boot, and disconnects it when all connections have ended. */
class RoomsRuntime implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly parts: RoomsRuntimeParts) {}

  async onModuleInit(): Promise<void> {
    const { hub, backplane, node, heartbeat, metrics, tally, log } = this.parts;
    metrics.watchRooms(() => ({ rooms: hub.rooms, ...tally }));
    await hub.start(node);
    await heartbeat.start();
    const { durability, name } = backplane;
    for (const warning of durability.warnings) log.warn('backplane', () => `The engine ${name} warns: ${warning}`);
  }

  /** All policies are known by now, those of `@Room()` too. */
  onApplicationBootstrap(): void {
    const { policies, backplane } = this.parts;
    policies.checkDurability(backplane.name, backplane.durability.kind);
  }

  onApplicationShutdown(): Promise<void> {
    this.parts.heartbeat.stop();
    return this.parts.hub.close();
  }
}

interface RoomsRuntimeParts {
  readonly hub: RoomHub;
  readonly backplane: Backplane;
  readonly policies: RoomPolicies;
  readonly node: string;
  readonly heartbeat: NodeHeartbeat;
  readonly metrics: Metrics;
  readonly tally: RoomTally;
  readonly log: BoundedLog;
}

/** Rooms, who is in them, and who comes back to them. */
export const roomProviders: Provider[] = [
  DeclaredPolicies,
  {
    provide: RoomPolicies,
    inject: [HOLDFAST_OPTIONS],
    useFactory: ({ rooms }: ResolvedOptions) => new RoomPolicies(rooms),
  },
  {
    provide: Sessions,
    inject: [
      HOLDFAST_OPTIONS,
      HOLDFAST_BACKPLANE,
      HOLDFAST_NODE,
      NodeCommands,
      Handovers,
      Counters,
      BoundedLog,
      TimerWheel,
    ],
    useFactory: (
      { sessions }: ResolvedOptions,
      backplane: Backplane,
      node: string,
      commands: NodeCommands,
      handovers: Handovers,
      counters: Counters,
      log: BoundedLog,
      wheel: TimerWheel,
    ) =>
      new Sessions({
        ...{ store: backplane.sessions, node, commands, handovers, counters, log, wheel },
        resumableMs: sessions.resumableMs,
      }),
  },
  {
    provide: RoomHub,
    inject: [HOLDFAST_OPTIONS, HOLDFAST_BACKPLANE, RoomPolicies, NodeCommands, HOLDFAST_CLOCK, HOLDFAST_RANDOM],
    useFactory: (
      { roomLimits }: ResolvedOptions,
      backplane: Backplane,
      policies: RoomPolicies,
      commands: NodeCommands,
      clock: Clock,
      random: Random,
    ) =>
      new RoomHub({
        ...{ backplane, clock, random },
        policyOf: (room) => policies.of(room),
        onCommand: (command, from) => commands.received(command, from),
        settings: { maxRooms: roomLimits.perNode, pendingBytes: roomLimits.pendingBytes },
      }),
  },
  {
    provide: RoomsRuntime,
    inject: [
      RoomHub,
      HOLDFAST_BACKPLANE,
      RoomPolicies,
      BoundedLog,
      HOLDFAST_NODE,
      NodeHeartbeat,
      Metrics,
      RoomMemberships,
    ],
    useFactory: (
      hub: RoomHub,
      backplane: Backplane,
      policies: RoomPolicies,
      log: BoundedLog,
      node: string,
      heartbeat: NodeHeartbeat,
      metrics: Metrics,
      { tally }: RoomMemberships,
    ) => new RoomsRuntime({ hub, backplane, policies, node, heartbeat, metrics, tally, log }),
  },
  {
    provide: RoomMemberships,
    inject: [
      ...[HOLDFAST_OPTIONS, RoomHub, RoomPolicies, Sessions, Dispatcher],
      ...[TimerWheel, HOLDFAST_CLOCK, BoundedLog, Counters],
    ],
    useFactory: (
      { roomLimits: limits, messages }: ResolvedOptions,
      hub: RoomHub,
      policies: RoomPolicies,
      memory: Sessions,
      dispatcher: Dispatcher,
      wheel: TimerWheel,
      clock: Clock,
      log: BoundedLog,
      counters: Counters,
    ) =>
      new RoomMemberships({
        ...{ hub, policies, memory, dispatcher, wheel, clock, log, counters, limits },
        frames: new RoomFrames(),
        tally: { members: 0, deliveries: 0 },
        stalledMs: limits.stalledMs,
        handlerTimeoutMs: messages.handlerTimeoutMs,
      }),
  },
  {
    provide: RoomPublishing,
    inject: [HOLDFAST_OPTIONS],
    useFactory: ({ roomLimits }: ResolvedOptions) => new RoomPublishing(roomLimits),
  },
  {
    provide: Rooms,
    inject: [HOLDFAST_OPTIONS, RoomHub, RoomPolicies, ConnectionRegistry, Nodes, NodeCommands, Counters],
    useFactory: (
      { roomLimits: limits }: ResolvedOptions,
      hub: RoomHub,
      policies: RoomPolicies,
      registry: ConnectionRegistry,
      nodes: Nodes,
      commands: NodeCommands,
      counters: Counters,
    ) => new Rooms({ hub, policies, limits, counters }, { registry, nodes, commands }),
  },
];
