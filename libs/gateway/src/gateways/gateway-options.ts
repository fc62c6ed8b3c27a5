import type { Type } from '@nestjs/common';
import { max32 } from '../ground/index.js';
import { GATEWAY_OPTIONS, PORT_METADATA, readMetadata } from '../nest/index.js';

/** What Holdfast understands of the options of `@WebSocketGateway()`. */
export interface GatewayOptions {
  readonly port: number;
  readonly path: string;
  /** Overrides `messages.maxPayloadBytes` for this path. */
  readonly maxPayload: number | undefined;
  /** Of a port of its own; undefined: all addresses. */
  readonly host: string | undefined;
  /** Of a port of its own, as `https.createServer` takes it; undefined: without TLS. */
  readonly tls: object | undefined;
  /** Not checked yet. */
  readonly format: unknown;
  /** Not checked yet. */
  readonly subprotocols: unknown;
  /** Names of options that are not Holdfast's. */
  readonly others: readonly string[];
}

const known: ReadonlySet<string> = new Set(['path', 'maxPayload', 'host', 'tls', 'format', 'subprotocols']);

/** Options of `ws` and socket.io on which a gateway may rely, so that it is not served without them. */
const substitutes: Readonly<Record<string, string>> = {
  namespace: 'namespaces belong to socket.io; give the gateway a path of its own',
  verifyClient: 'decide in a guard, which runs before the upgrade; for origins set admission.origins of HoldfastModule',
  handleProtocols: 'list the names in subprotocols',
  server: 'import HoldfastModule into the application of that server',
  WebSocket: 'handlers are given a Connection; what is kept with it goes into connection.data',
};

/** Options that `WsAdapter` takes and that change nothing here, or are set elsewhere. */
const elsewhere: Readonly<Record<string, string>> = {
  cors: 'CORS does not apply to WebSockets; set admission.origins of HoldfastModule',
  pingInterval: 'set heartbeat.intervalMs of HoldfastModule',
  pingTimeout: 'set heartbeat.missedBeats of HoldfastModule',
  maxHttpBufferSize: 'set maxPayload, or messages.maxPayloadBytes of HoldfastModule',
  transports: 'Holdfast speaks WebSocket only',
  allowUpgrades: 'Holdfast speaks WebSocket only',
  upgradeTimeout: 'set admission.handshakeTimeoutMs of HoldfastModule',
  connectTimeout: 'set admission.handshakeTimeoutMs of HoldfastModule',
  connectionStateRecovery: 'clients of @holdfast/client reconnect by themselves',
  cookie: 'no cookie is set',
  serveClient: 'the client is the package @holdfast/client',
  allowEIO3: 'socket.io clients are not spoken to',
  parser: 'set format',
  adapter: 'adapters of socket.io do not apply',
  cleanupEmptyChildNamespaces: 'there are no namespaces',
  perMessageDeflate: 'messages are not compressed',
  httpCompression: 'messages are not compressed',
  clientTracking: 'server.clients is always there',
  closeTimeout: 'clients have a fixed time to answer a close frame',
  backlog: 'a port of its own listens with the default of Node',
  maxFragments: 'set messages.maxFragments of HoldfastModule',
  maxBufferedChunks: 'set messages.maxBufferedChunks of HoldfastModule',
  autoPong: 'pings are answered',
  allowSynchronousEvents: 'it is on',
  skipUTF8Validation: 'text is validated',
};

export function readGatewayOptions(type: Type): GatewayOptions {
  const given = readMetadata(GATEWAY_OPTIONS, type);
  const options: Record<string, unknown> = typeof given === 'object' && given !== null ? { ...given } : {};
  const { path, maxPayload, host, tls, format, subprotocols } = options;
  return {
    port: Number(readMetadata(PORT_METADATA, type) ?? 0),
    path: typeof path === 'string' ? path : '/',
    maxPayload: typeof maxPayload === 'number' ? maxPayload : undefined,
    host: typeof host === 'string' ? host : undefined,
    tls: typeof tls === 'object' && tls !== null ? tls : undefined,
    format,
    subprotocols,
    others: Object.keys(options).filter((name) => !known.has(name)),
  };
}

/** What the options ask for and do not get. */
export function gatewayWarnings(gateway: string, { others }: GatewayOptions): string[] {
  return others.flatMap((name) => {
    const remedy = elsewhere[name];
    return remedy === undefined ? [] : [`${gateway} sets "${name}", which changes nothing here: ${remedy}`];
  });
}

export function gatewayProblems(gateway: string, { port, maxPayload, host, tls, others }: GatewayOptions): string[] {
  const problems = others
    .filter((name) => !Object.hasOwn(elsewhere, name))
    .map(
      (name) =>
        `${gateway} sets "${name}": ${substitutes[name] ?? `not an option here; allowed are ${[...known].join(', ')}`}`,
    );
  if (port === 0 && (host !== undefined || tls !== undefined)) {
    problems.push(
      `${gateway} sets host or tls without a port of its own: those of the application are set by app.listen(port, host) and httpsOptions`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push(`${gateway} sets port ${port}: allowed is 0 to 65535`);
  if (maxPayload !== undefined && (!Number.isInteger(maxPayload) || maxPayload < 128 || maxPayload > max32)) {
    problems.push(`${gateway} sets maxPayload ${maxPayload}: allowed is a whole number from 128 to ${max32}`);
  }
  return problems;
}
