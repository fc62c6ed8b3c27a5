import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit, Provider } from '@nestjs/common';
import { type Backplane, RoomHub } from '@holdfast/backplane';
import { Turns } from '../dispatch/index.js';
import { BoundedLog } from '../ground/index.js';
import { NodeHeartbeat } from '../nodes/index.js';
import { RoomMemberships, RoomPolicies, type RoomTally } from '../rooms/index.js';
import { Sessions } from '../session/index.js';
import { Metrics } from '../telemetry/index.js';
import { HOLDFAST_BACKPLANE, HOLDFAST_NODE } from './tokens.js';

/** Connects the engine of the rooms at boot, and disconnects it when all connections have ended. */
class RoomsRuntime implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly parts: RoomsRuntimeParts) {}

  async onModuleInit(): Promise<void> {
    const { hub, backplane, node, heartbeat, sessions, turns, metrics, tally, log } = this.parts;
    turns.guardBy({ hasSlept: (now) => heartbeat.hasSlept(now), verified: () => sessions.verify() });
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
  readonly sessions: Sessions;
  readonly turns: Turns;
  readonly metrics: Metrics;
  readonly tally: RoomTally;
  readonly log: BoundedLog;
}

export const roomsRuntime: Provider = {
  provide: RoomsRuntime,
  inject: [
    ...[RoomHub, HOLDFAST_BACKPLANE, HOLDFAST_NODE, RoomPolicies, NodeHeartbeat],
    ...[Sessions, Turns, Metrics, RoomMemberships, BoundedLog],
  ],
  useFactory: (
    hub: RoomHub,
    backplane: Backplane,
    node: string,
    policies: RoomPolicies,
    heartbeat: NodeHeartbeat,
    sessions: Sessions,
    turns: Turns,
    metrics: Metrics,
    { tally }: RoomMemberships,
    log: BoundedLog,
  ) => new RoomsRuntime({ hub, backplane, node, policies, heartbeat, sessions, turns, metrics, tally, log }),
};
