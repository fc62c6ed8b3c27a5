import type { RetryRule } from './retry-rule.js';

/**
 * One close code of the catalogue.
 *
 * @publicApi
 */
export interface CloseCodeEntry {
  readonly name: string;
  readonly code: number;
  readonly rule: RetryRule;
  /** Why a connection ends so. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

const catalogue = [
  {
    name: 'NORMAL',
    code: 1000,
    rule: 'stay-away',
    cause: 'One side had nothing more to say and closed in good order.',
    remedy: 'Nothing is wrong. Connect again when there is something to say.',
  },
  {
    name: 'GOING_AWAY',
    code: 1001,
    rule: 'return',
    cause: 'The page was left, or a server or proxy went down without draining.',
    remedy: 'Come back with backoff. If the server sends it at every deploy, something ends it before it has drained.',
  },
  {
    name: 'PROTOCOL_ERROR',
    code: 1002,
    rule: 'stay-away',
    cause: 'The peer broke RFC 6455: an unmasked frame, a reserved bit, a bad opcode or close code.',
    remedy: 'Repair or update the WebSocket library of the peer, or the proxy between that alters its bytes.',
  },
  {
    name: 'UNSUPPORTED_DATA',
    code: 1003,
    rule: 'stay-away',
    cause: 'The peer sent a type of message that the receiver does not take at all.',
    remedy: 'Send JSON as text messages.',
  },
  {
    name: 'NO_STATUS',
    code: 1005,
    rule: 'return',
    cause: 'The peer closed without giving a code. Seen locally, never sent.',
    remedy: 'Come back with backoff. Look into the log of the peer or of the proxy in front of it for the reason.',
  },
  {
    name: 'ABNORMAL',
    code: 1006,
    rule: 'return',
    cause:
      'The connection broke without a close: network, proxy, crash, or a refused handshake. Seen locally, never sent.',
    remedy:
      'Come back with backoff. If it is regular, compare the interval with the idle timeouts of proxies and NATs.',
  },
  {
    name: 'INVALID_TEXT',
    code: 1007,
    rule: 'stay-away',
    cause: 'A text message or close reason was not valid UTF-8.',
    remedy: 'Encode text as UTF-8; bytes that are not text do not belong into a text message.',
  },
  {
    name: 'POLICY',
    code: 1008,
    rule: 'stay-away',
    cause: 'The peer broke a rule that has no code of its own, such as too many fragments in one message.',
    remedy: 'Read the close reason. Send a message in fewer fragments, and each of them at once.',
  },
  {
    name: 'TOO_BIG',
    code: 1009,
    rule: 'stay-away',
    cause: 'A message was larger than the receiver accepts.',
    remedy: 'Keep messages below limits.maxPayloadBytes of $welcome, or raise maxPayloadBytes on the server.',
  },
  {
    name: 'MANDATORY_EXTENSION',
    code: 1010,
    rule: 'stay-away',
    cause: 'A client insists on an extension that the server did not negotiate. Sent by clients only.',
    remedy: 'Do not require the extension in the client.',
  },
  {
    name: 'INTERNAL',
    code: 1011,
    rule: 'return',
    cause: 'The server met a condition it did not expect.',
    remedy: 'Come back with backoff. The log of the server has the error with its stack.',
  },
  {
    name: 'SERVICE_RESTART',
    code: 1012,
    rule: 'return',
    cause: 'The node is draining: a deploy, a scale-down or a shutdown.',
    remedy: 'Nothing is wrong. Come back within the window that $drain advertised.',
  },
  {
    name: 'TRY_AGAIN_LATER',
    code: 1013,
    rule: 'return',
    cause: 'The server is overloaded, or something it depends on is away.',
    remedy: 'Come back with backoff. Look at the load of the server and at its readiness.',
  },
  {
    name: 'BAD_GATEWAY',
    code: 1014,
    rule: 'return',
    cause: 'A proxy got an invalid answer from the server behind it.',
    remedy: 'Come back with backoff. Look into the log of the proxy.',
  },
  {
    name: 'TLS_FAILED',
    code: 1015,
    rule: 'return',
    cause: 'The TLS handshake failed. Seen locally, never sent.',
    remedy: 'Check certificate, host name and clock. It is no decision of the server, so trying again is allowed.',
  },
  {
    name: 'BAD_MESSAGES',
    code: 4400,
    rule: 'stay-away',
    cause: 'The client sent too many frames that could not be used, or a wrong frame before $welcome.',
    remedy: 'Read the $error frames that came before: each names what was wrong. Then repair the client.',
  },
  {
    name: 'UNAUTHORIZED',
    code: 4401,
    rule: 'stay-away',
    cause: 'The token is missing, invalid or expired, or a refresh tried to change who the connection belongs to.',
    remedy: 'Get a fresh token and connect with it. With the same token the answer stays the same.',
  },
  {
    name: 'FORBIDDEN',
    code: 4403,
    rule: 'stay-away',
    cause: 'The token is valid, but its owner may not use this gateway.',
    remedy: 'Grant the right, or look at the guard that refused.',
  },
  {
    name: 'HELLO_TIMEOUT',
    code: 4408,
    rule: 'stay-away',
    cause: 'An SDK client did not send $hello in time.',
    remedy: 'Send $hello at once when the socket opens, with the token already in hand; or use plain mode.',
  },
  {
    name: 'SESSION_TAKEN',
    code: 4409,
    rule: 'stay-away',
    cause: 'Another connection has presented the session of this one, and goes on with it.',
    remedy:
      'Usual when a client comes back before the server has noticed that its old connection is dead. If both are alive, two clients share a session: give each its own.',
  },
  {
    name: 'REVOKED',
    code: 4410,
    rule: 'stay-away',
    cause: 'The server ended the sessions of this principal: a logout, a ban or a withdrawn right.',
    remedy: 'Sign in again, if that is allowed.',
  },
  {
    name: 'RATE_LIMIT_ABUSE',
    code: 4429,
    rule: 'stay-away',
    cause: 'The client went on after it was told that it sends too much, or its principal has too many connections.',
    remedy: 'Honour retryAfterMs of $error, close connections that are not needed, or raise the limit.',
  },
  {
    name: 'CONNECT_FAILED',
    code: 4500,
    rule: 'return',
    cause: 'A connection hook of the application (such as handleConnection) failed.',
    remedy: 'Come back with backoff. The log of the server has the error of the hook with its stack.',
  },
  {
    name: 'HEARTBEAT_LOST',
    code: 4504,
    rule: 'return',
    cause: 'Not one byte came from the peer for so many beats that it was taken for dead.',
    remedy: 'Come back. If healthy clients get it: their event loop or page is frozen, or the network swallows data.',
  },
  {
    name: 'CONNECT_TIMEOUT',
    code: 4505,
    rule: 'return',
    cause: 'The connection hooks of the application did not finish in time.',
    remedy: 'Come back with backoff. Look for what the hook waits for, or raise connectTimeoutMs.',
  },
  {
    name: 'SLOW_CONSUMER',
    code: 4508,
    rule: 'return',
    cause: 'The peer reads more slowly than it is written to, and too much was waiting for it.',
    remedy: 'Come back. Do less work in the message handler of the client, or subscribe to less.',
  },
] as const satisfies readonly CloseCodeEntry[];

type Numbers = { readonly [Entry in (typeof catalogue)[number] as Entry['name']]: Entry['code'] };

/**
 * All close codes that Holdfast sends or explains, in ascending order (PROTOCOL.md 13).
 *
 * @publicApi
 */
export const closeCodes: readonly CloseCodeEntry[] = catalogue;

/**
 * The numbers of {@link closeCodes} by name.
 *
 * @publicApi
 */
// Safe: built from the same array as its type.
export const CloseCode = Object.freeze(Object.fromEntries(catalogue.map(({ name, code }) => [name, code]))) as Numbers;

/**
 * Numbers that once meant something. They are never given a new meaning, because old clients still know the old one.
 *
 * @publicApi
 */
export const retiredCloseCodes: readonly number[] = [];
