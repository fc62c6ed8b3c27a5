import { CloseCode } from './close-codes.js';

/**
 * One error code of the catalogue.
 *
 * @publicApi
 */
export interface ErrorCodeEntry {
  readonly code: string;
  /** Status of the HTTP answer, for codes that refuse a handshake. */
  readonly httpStatus?: number;
  /** With what a connection is closed that fails with this code before it is open (PROTOCOL.md 6.1). Default 4500. */
  readonly closeCode?: number;
  /** In the HTTP answer to a handshake, in a `$error` frame, or both. */
  readonly where: 'handshake' | 'frame' | 'both';
  /** Why somebody gets it. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

const catalogue = [
  {
    code: 'NOT_READY',
    httpStatus: 503,
    where: 'handshake',
    cause: 'The application has not finished booting.',
    remedy: 'Try again after Retry-After. Send traffic only to nodes whose readiness check passes.',
  },
  {
    code: 'DRAINING',
    httpStatus: 503,
    where: 'handshake',
    cause: 'This node is shutting down and accepts no new connections.',
    remedy:
      'Try again after Retry-After. If it repeats, the load balancer still sends traffic to a node that is not ready.',
  },
  {
    code: 'PATH_NOT_FOUND',
    httpStatus: 404,
    where: 'handshake',
    cause: 'No gateway listens on this path.',
    remedy: 'Compare the URL with the path of @WebSocketGateway and the global prefix.',
  },
  {
    code: 'UPGRADE_REQUIRED',
    httpStatus: 426,
    where: 'handshake',
    cause: 'The request is no WebSocket upgrade of version 13 by GET.',
    remedy: 'Connect with a WebSocket client. Behind a proxy: let it pass the Upgrade and Connection headers.',
  },
  {
    code: 'BAD_HANDSHAKE',
    httpStatus: 400,
    where: 'handshake',
    cause: 'A header of the upgrade request is missing or malformed, such as Sec-WebSocket-Key or Host.',
    remedy: 'Use a WebSocket library; look for a proxy that alters headers.',
  },
  {
    code: 'SUBPROTOCOL_UNSUPPORTED',
    httpStatus: 400,
    where: 'handshake',
    cause: 'The client offers only subprotocols that this server does not speak.',
    remedy: 'Offer holdfast.v1.json or holdfast.plain, or none at all.',
  },
  {
    code: 'ORIGIN_FORBIDDEN',
    httpStatus: 403,
    where: 'handshake',
    cause: 'The page that opens the socket comes from an origin that is not allowed.',
    remedy: 'Add the origin to the allowed origins, exactly as the browser sends it: scheme, host and port.',
  },
  {
    code: 'TOO_MANY_CONNECTIONS',
    httpStatus: 503,
    where: 'handshake',
    cause: 'This node has as many connections as it may have.',
    remedy: 'Try again later: another node may have room. Add nodes, or raise maxConnections.',
  },
  {
    code: 'TOO_MANY_CONNECTIONS_PER_IP',
    httpStatus: 429,
    where: 'handshake',
    cause: 'This address has as many connections as it may have.',
    remedy: 'Close some. If all clients seem to share one address, name the proxy in trustedProxies.',
  },
  {
    code: 'TOO_MANY_CONNECTIONS_PER_PRINCIPAL',
    httpStatus: 429,
    closeCode: CloseCode.RATE_LIMIT_ABUSE,
    where: 'both',
    cause: 'This user or device has as many connections as it may have.',
    remedy: 'Look for a client that opens connections and does not close them, or raise maxConnectionsPerPrincipal.',
  },
  {
    code: 'HANDSHAKE_RATE_LIMITED',
    httpStatus: 429,
    where: 'handshake',
    cause: 'This address connects more often than it may.',
    remedy: 'Wait for Retry-After. Reconnect with exponential backoff and jitter.',
  },
  {
    code: 'OVERLOADED',
    httpStatus: 503,
    where: 'handshake',
    cause: 'More clients connect at once than this node can take in a reasonable time.',
    remedy:
      'Come back after Retry-After, as the SDK does. If it happens outside of a deploy or a crash, add nodes, or make guards and connection hooks cheaper.',
  },
  {
    code: 'HANDSHAKE_TIMEOUT',
    httpStatus: 503,
    where: 'handshake',
    cause: 'The guards of the gateway did not decide, or the handshake did not have its turn, in time.',
    remedy: 'Look for what the guard waits for (key server, database), or raise handshakeTimeoutMs.',
  },
  {
    code: 'UNAUTHORIZED',
    httpStatus: 401,
    closeCode: CloseCode.UNAUTHORIZED,
    where: 'both',
    cause: 'There is no token, or it is not valid: signature, issuer, audience or algorithm.',
    remedy: 'Sign in and connect with the new token. The message says what is wrong with this one.',
  },
  {
    code: 'TOKEN_EXPIRED',
    httpStatus: 401,
    closeCode: CloseCode.UNAUTHORIZED,
    where: 'both',
    cause: 'The token was valid, but its time is over.',
    remedy: 'Get a fresh token. If it was fresh, compare the clocks of both machines.',
  },
  {
    code: 'FORBIDDEN',
    httpStatus: 403,
    closeCode: CloseCode.FORBIDDEN,
    where: 'both',
    cause: 'The caller is known but may not do this.',
    remedy: 'Grant the right, or look at the guard that refused.',
  },
  {
    code: 'INTERNAL',
    httpStatus: 500,
    where: 'both',
    cause: 'A programming error on the server.',
    remedy: 'The log of the server has the error with its stack; clients are told nothing of it.',
  },
  {
    code: 'MALFORMED_FRAME',
    where: 'frame',
    cause: 'The frame is not JSON, not an object, or one of its members breaks its rule.',
    remedy:
      'The message names the member and the rule. Send {"event": string, "data"?: any, "id"?: string or integer}.',
  },
  {
    code: 'TOO_MANY_MEMBERS',
    where: 'frame',
    cause: 'The data has more properties and array elements than the server validates at once.',
    remedy: 'Send it in several messages, or raise messages.maxMembers where handling it takes little time.',
  },
  {
    code: 'BINARY_UNSUPPORTED',
    where: 'frame',
    cause: 'A binary message came where the codec is text.',
    remedy: 'Send the JSON as a text message: a string, not a Buffer or Blob.',
  },
  {
    code: 'UNKNOWN_EVENT',
    where: 'frame',
    cause: 'No handler of this gateway subscribes to the event.',
    remedy: 'Compare the name with @SubscribeMessage, and the path with that of the gateway.',
  },
  {
    code: 'RESERVED_EVENT',
    where: 'frame',
    cause: 'The event begins with "$" and is not for this client to send, or not now.',
    remedy: 'Name events of the application without "$". Reserved ones need SDK mode (holdfast.v1.json).',
  },
  {
    code: 'BAD_REQUEST',
    where: 'frame',
    cause: 'The handler cannot make sense of the request.',
    remedy: 'Read message and details, and correct what is sent.',
  },
  {
    code: 'VALIDATION_FAILED',
    where: 'frame',
    cause: 'The data breaks rules of the class that describes it.',
    remedy: 'details has one line for each broken rule.',
  },
  {
    code: 'NOT_FOUND',
    where: 'frame',
    cause: 'What the request is about does not exist.',
    remedy: 'Check the identifier; it may have been deleted.',
  },
  {
    code: 'CONFLICT',
    where: 'frame',
    cause: 'The request contradicts the present state, such as a version that is not the newest.',
    remedy: 'Read the present state, and decide again.',
  },
  {
    code: 'PAYLOAD_TOO_LARGE',
    where: 'frame',
    cause: 'The data is larger than the handler accepts.',
    remedy: 'Send less, or in parts.',
  },
  {
    code: 'RATE_LIMITED',
    where: 'frame',
    cause: 'The client sends more messages or bytes than it may.',
    remedy: 'Wait for retryAfterMs. A client that goes on is closed with 4429.',
  },
  {
    code: 'HANDLER_TIMEOUT',
    closeCode: CloseCode.CONNECT_TIMEOUT,
    where: 'frame',
    cause: 'The handler did not finish in time. It may still have its effect.',
    remedy: 'Look for what the handler waits for. Repeat the request only if doing it twice does no harm.',
  },
  {
    code: 'TOO_MANY_STREAMS',
    where: 'frame',
    cause: 'The connection has as many open streams as it may have.',
    remedy: 'Wait for streams to end, look for observables that never complete, or raise maxStreams.',
  },
  {
    code: 'INVALID_ROOM',
    where: 'frame',
    cause: 'The name of the room is too long or has characters that are not allowed.',
    remedy:
      'Use the characters that the message names, with single slashes between segments; roomLimits.nameCharacters says which.',
  },
  {
    code: 'TOO_MANY_ROOMS',
    where: 'frame',
    cause: 'The connection is in as many rooms as it may be.',
    remedy: 'Leave rooms that are not needed, or raise roomLimits.perConnection.',
  },
  {
    code: 'UNENCODABLE',
    where: 'frame',
    cause: 'The answer of the handler cannot be expressed in JSON: BigInt, circular, or nested too deep.',
    remedy: 'Return plain data: BigInt as string, entities as objects without references to their parents.',
  },
  {
    code: 'UNAVAILABLE',
    where: 'both',
    httpStatus: 503,
    closeCode: CloseCode.TRY_AGAIN_LATER,
    cause: 'Something that is needed to answer is away, such as a database or the key server for tokens.',
    remedy: 'Try again with backoff. Look at the dependencies of the server.',
  },
  {
    code: 'REFRESH_REFUSED',
    where: 'frame',
    cause: 'The new token belongs to somebody else than the connection does.',
    remedy: 'Open a new connection for another user; a refresh only prolongs.',
  },
  {
    code: 'APPLICATION',
    where: 'frame',
    cause: 'The application threw a WsException without a code of its own.',
    remedy: "The message is the application's. Give the exception a code, so that clients can tell errors apart.",
  },
] as const satisfies readonly ErrorCodeEntry[];

/**
 * A code of {@link errorCodes}.
 *
 * @publicApi
 */
export type ErrorCode = (typeof catalogue)[number]['code'];

/**
 * All error codes of Holdfast itself (PROTOCOL.md 14). Applications add their own.
 *
 * @publicApi
 */
export const errorCodes: readonly (ErrorCodeEntry & { readonly code: ErrorCode })[] = catalogue;

/**
 * Codes that once meant something. They are never given a new meaning, because old clients still know the old one.
 *
 * @publicApi
 */
export const retiredErrorCodes: readonly string[] = [];
