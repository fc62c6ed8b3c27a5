/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access -- on purpose */
// Compiled against the published declarations: nothing of this can be called by an application.
import type {
  Connection,
  ConnectionRegistry,
  Counters,
  Endpoint,
  HeartbeatService,
  ReadinessService,
} from '@holdfast/gateway';

export function trespass(
  registry: ConnectionRegistry,
  connection: Connection,
  endpoint: Endpoint,
  counters: Counters,
  heartbeat: HeartbeatService,
  readiness: ReadinessService,
): void {
  // @ts-expect-error -- connections are filed by the gateway alone
  registry.add(connection);
  // @ts-expect-error -- the gateway alone does this
  registry.remove(connection, []);
  // @ts-expect-error -- the gateway alone does this
  registry.admitted(connection, []);
  // @ts-expect-error -- the gateway alone does this
  endpoint.joined(connection);
  // @ts-expect-error -- the gateway alone does this
  endpoint.handlers.clear();
  // @ts-expect-error -- the gateway alone does this
  counters.add('closed', 'NORMAL');
  // @ts-expect-error -- the gateway alone does this
  heartbeat.admitted(connection);
  // @ts-expect-error -- the gateway alone does this
  readiness.moveTo('ready');
}
