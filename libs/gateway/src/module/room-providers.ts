import type { Provider } from '@nestjs/common';
import { type Backplane, RoomHub } from '@holdfast/backplane';
import { ConnectionRegistry } from '../connection/index.js';
import { Dispatcher } from '../dispatch/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, HOLDFAST_RANDOM, type Random, TimerWheel } from '../ground/index.js';
import { Handovers } from '../lifecycle/index.js';
import { NodeCommands, Nodes } from '../nodes/index.js';
import { RoomFrames, RoomMemberships, RoomPolicies, RoomPublishing, Rooms } from '../rooms/index.js';
import { Sessions } from '../session/index.js';
import { Counters } from '../telemetry/index.js';
import { DeclaredPolicies } from './declared-policies.js';
import { roomsRuntime } from './rooms-runtime.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_BACKPLANE, HOLDFAST_NODE, HOLDFAST_OPTIONS } from './tokens.js';

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
  roomsRuntime,
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
