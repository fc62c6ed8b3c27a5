import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown, OnModuleInit, Provider } from '@nestjs/common';
import { MemoryBackplane, RoomHub } from '@holdfast/backplane';
import { ConnectionRegistry } from '../connection/index.js';
import { Dispatcher } from '../dispatch/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, HOLDFAST_RANDOM, type Random, TimerWheel } from '../ground/index.js';
import { RoomFrames, RoomMemberships, RoomPolicies, RoomPublishing, Rooms } from '../rooms/index.js';
import { Counters } from '../telemetry/index.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_OPTIONS } from './tokens.js';

/** Connects the engine of the rooms at boot, and disconnects it when all connections have ended. */
class RoomsRuntime implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly hub: RoomHub) {}

  onModuleInit(): Promise<void> {
    return this.hub.start(randomUUID());
  }

  onApplicationShutdown(): Promise<void> {
    return this.hub.close();
  }
}

/** Rooms, and who is in them. */
export const roomProviders: Provider[] = [
  {
    provide: RoomPolicies,
    inject: [HOLDFAST_OPTIONS],
    useFactory: ({ rooms }: ResolvedOptions) => new RoomPolicies(rooms),
  },
  {
    provide: RoomHub,
    inject: [HOLDFAST_OPTIONS, RoomPolicies, HOLDFAST_CLOCK, HOLDFAST_RANDOM],
    useFactory: ({ roomLimits }: ResolvedOptions, policies: RoomPolicies, clock: Clock, random: Random) =>
      new RoomHub({
        backplane: new MemoryBackplane({ maxBytes: roomLimits.historyBytes, clock, random }),
        policyOf: (room) => policies.of(room),
        settings: { maxRooms: roomLimits.perNode },
        clock,
        random,
      }),
  },
  { provide: RoomsRuntime, inject: [RoomHub], useFactory: (hub: RoomHub) => new RoomsRuntime(hub) },
  {
    provide: RoomMemberships,
    inject: [HOLDFAST_OPTIONS, RoomHub, RoomPolicies, Dispatcher, TimerWheel, HOLDFAST_CLOCK, BoundedLog, Counters],
    useFactory: (
      { roomLimits: limits, messages }: ResolvedOptions,
      hub: RoomHub,
      policies: RoomPolicies,
      dispatcher: Dispatcher,
      wheel: TimerWheel,
      clock: Clock,
      log: BoundedLog,
      counters: Counters,
    ) =>
      new RoomMemberships({
        ...{ hub, policies, dispatcher, wheel, clock, log, counters, limits },
        frames: new RoomFrames(),
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
    inject: [HOLDFAST_OPTIONS, RoomHub, RoomPolicies, ConnectionRegistry],
    useFactory: (
      { roomLimits: limits }: ResolvedOptions,
      hub: RoomHub,
      policies: RoomPolicies,
      registry: ConnectionRegistry,
    ) => new Rooms({ hub, policies, limits }, registry),
  },
];
