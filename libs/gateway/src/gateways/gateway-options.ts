import type { Type } from '@nestjs/common';
import { max32 } from '../ground/index.js';
import { GATEWAY_OPTIONS, PORT_METADATA, readMetadata } from '../nest/index.js';

/** What Holdfast understands of the options of `@WebSocketGateway()`. */
export interface GatewayOptions {
  readonly port: number;
  readonly path: string;
  /** Overrides `messages.maxPayloadBytes` for this path. */
  readonly maxPayload: number | undefined;
  /** Names of the options Holdfast does not know. */
  readonly unknown: readonly string[];
}

const known: ReadonlySet<string> = new Set(['path', 'maxPayload']);

/** Options of socket.io that people expect something of, and where they get it here. */
const elsewhere: Readonly<Record<string, string>> = {
  namespace: 'namespaces belong to socket.io; give the gateway a path of its own',
  cors: 'CORS does not apply to WebSockets; set admission.origins of HoldfastModule',
  pingInterval: 'set heartbeat.intervalMs of HoldfastModule',
  pingTimeout: 'set heartbeat.missedBeats of HoldfastModule',
  maxHttpBufferSize: 'set maxPayload, or messages.maxPayloadBytes of HoldfastModule',
  transports: 'Holdfast speaks WebSocket only',
};

export function readGatewayOptions(type: Type): GatewayOptions {
  const given = readMetadata(GATEWAY_OPTIONS, type);
  const options: Record<string, unknown> = typeof given === 'object' && given !== null ? { ...given } : {};
  const { path, maxPayload } = options;
  return {
    port: Number(readMetadata(PORT_METADATA, type) ?? 0),
    path: typeof path === 'string' ? path : '/',
    maxPayload: typeof maxPayload === 'number' ? maxPayload : undefined,
    unknown: Object.keys(options).filter((name) => !known.has(name)),
  };
}

export function gatewayProblems(gateway: string, { port, maxPayload, unknown }: GatewayOptions): string[] {
  const problems = unknown.map(
    (name) =>
      `${gateway} sets "${name}": ${elsewhere[name] ?? `not an option here; allowed are ${[...known].join(', ')}`}`,
  );
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push(`${gateway} sets port ${port}: allowed is 0 to 65535`);
  if (maxPayload !== undefined && (!Number.isInteger(maxPayload) || maxPayload < 128 || maxPayload > max32)) {
    problems.push(`${gateway} sets maxPayload ${maxPayload}: allowed is a whole number from 128 to ${max32}`);
  }
  return problems;
}
