/**
 * Names of the events that belong to the protocol (PROTOCOL.md 6).
 *
 * @publicApi
 */
export const ReservedEvent = {
  /** Client: the first frame of SDK mode. {@link HelloData} */
  hello: '$hello',
  /** Server: the connection is open. {@link WelcomeData} */
  welcome: '$welcome',
  /** Both: are you there. {@link PingData} */
  ping: '$ping',
  /** Both: the answer to a ping. {@link PongData} */
  pong: '$pong',
  /** Server: a new token is due, {@link RefreshRequestData}. Client: here it is, {@link RefreshData}. */
  refresh: '$refresh',
  /** Server: this node is going away. {@link DrainData} */
  drain: '$drain',
  /** Client: another connection has taken the place of this one (PROTOCOL.md 10.10). */
  moved: '$moved',
  /** Server: the answer to a request. */
  reply: '$reply',
  /** Server: one value of a stream. */
  next: '$next',
  /** Server: a stream is complete. */
  end: '$end',
  /** Server: a request or frame was refused or failed. {@link ErrorData} */
  error: '$error',
  /** Client: asks to be a member of a room. {@link JoinData} */
  join: '$join',
  /** Server: this is a member of the room, and has this position. {@link JoinedData} */
  joined: '$joined',
  /** Client: no longer wants to be a member. {@link LeaveData} */
  leave: '$leave',
  /** Server: this is not a member any more. {@link LeaveData} */
  left: '$left',
  /** Client: asks to publish to a room. {@link PublishData} */
  publish: '$publish',
  /** Server: these publications of a room are not for this member. {@link SkipData} */
  skip: '$skip',
  /** Server: publications of a room may be late. {@link LeaveData} */
  degraded: '$degraded',
  /** Server: publications of a room are in time again. {@link LeaveData} */
  restored: '$restored',
} as const;

/**
 * Whether an event belongs to the protocol: its name begins with `$`, known or not.
 *
 * @publicApi
 */
export function isReserved(event: string): boolean {
  return event.startsWith('$');
}

/**
 * Length of the longest token that `$hello` and `$refresh` carry, in UTF-16 code units: 8,192. Real ones are below half
 * of it, and a token of the handshake has to fit into its headers.
 *
 * @publicApi
 */
export const maxTokenLength = 8_192;

/**
 * Milliseconds a client waits at most because a server asks for it, and the widest window it spreads over: 300,000,
 * five minutes (PROTOCOL.md 12.2). Longer than any deploy, short enough for a user who waits.
 *
 * @publicApi
 */
export const maxWaitMs = 300_000;

/**
 * The largest of the other numbers that a client takes from a server: 2,147,483,647 (PROTOCOL.md 12.2). Timers of
 * platforms count no further in milliseconds, and fire at once beyond.
 *
 * @publicApi
 */
export const maxNumber = 2 ** 31 - 1;

/**
 * `$hello`, client to server (PROTOCOL.md 6.1).
 *
 * @publicApi
 */
export interface HelloData {
  /** Without it the token of the handshake counts, if there was one. */
  token?: string;
  /** The session that the client had; null: it had none and wants one; absent: it wants none (PROTOCOL.md 18.1). */
  session?: string | null;
  /** The rooms of the client, and what it has of them (PROTOCOL.md 18.2). */
  positions?: PresentedPosition[];
}

/**
 * `$welcome`, server to client (PROTOCOL.md 6.2).
 *
 * @publicApi
 */
export interface WelcomeData {
  /** What the server calls this connection, in its logs too. */
  connectionId: string;
  /**
   * A `$ping` comes every `intervalMs` (0: never). After `intervalMs + graceMs` without a byte either side may take the
   * other for dead.
   */
  heartbeat: { intervalMs: number; graceMs: number };
  /** The largest message the server accepts, in bytes. */
  limits: { maxPayloadBytes: number };
  /**
   * Milliseconds over which clients spread their first return when the server crashes (PROTOCOL.md 10.7). Absent: there
   * are few of them, and each waits as it likes.
   */
  returnWindowMs?: number;
  /** Absent: the client wanted none, or the server offers none. */
  session?: SessionData;
}

/**
 * The session of a client (PROTOCOL.md 18.3).
 *
 * @publicApi
 */
export interface SessionData {
  /** What the client presents in its next `$hello`. */
  id: string;
  /** Whether it is the one that the client has presented. */
  resumed: boolean;
  /** Milliseconds after the end of the connection in which it can be resumed. */
  expiresMs: number;
}

/**
 * `$ping`, both ways (PROTOCOL.md 8).
 *
 * @publicApi
 */
export interface PingData {
  /** A safe integer, 0 or more, that comes back in the `$pong`. */
  n: number;
}

/**
 * `$ping` of the server (PROTOCOL.md 8.3).
 *
 * @publicApi
 */
export interface ServerPingData extends PingData {
  /** As in {@link WelcomeData}. */
  returnWindowMs?: number;
}

/**
 * `$pong`, both ways (PROTOCOL.md 8).
 *
 * @publicApi
 */
export interface PongData {
  /** That of the `$ping`. */
  n: number;
}

/**
 * `$refresh`, server to client: asks for a new token (PROTOCOL.md 9).
 *
 * @publicApi
 */
export interface RefreshRequestData {
  /** Milliseconds until the present token expires. */
  expiresInMs: number;
}

/**
 * `$refresh`, client to server: the new token (PROTOCOL.md 9).
 *
 * @publicApi
 */
export interface RefreshData {
  token: string;
}

/**
 * What `$reply` says to a `$refresh` that was accepted (PROTOCOL.md 9).
 *
 * @publicApi
 */
export interface RefreshedData {
  /** Milliseconds until the new token expires; null when it does not. */
  expiresInMs: number | null;
}

/**
 * `$drain`, server to client (PROTOCOL.md 10).
 *
 * @publicApi
 */
export interface DrainData {
  /** Come back no earlier than this many milliseconds after the close. */
  retryAfterMs: number;
  /** Spread the return at random over this many milliseconds more. */
  windowMs: number;
  /** For logs. */
  reason: string;
  /** This connection still serves for so many milliseconds: another one may be opened before it ends. */
  handoverMs?: number;
}

/**
 * `$error`, server to client (PROTOCOL.md 7).
 *
 * @publicApi
 */
export interface ErrorData {
  /** One of the catalogue, or one that the application defined. */
  code: string;
  /** For developers. Never contains what the client sent. */
  message: string;
  /** What exactly was wrong, such as one line for each failed validation rule. */
  details?: unknown;
  /** Trying again is pointless for this many milliseconds. */
  retryAfterMs?: number;
}

/**
 * A place in the log of a room. The two belong together (PROTOCOL.md 17.4).
 *
 * @publicApi
 */
export interface RoomPositionData {
  epoch: string;
  offset: number;
}

/**
 * A room in `$hello`, and the last publication of it that the client has (PROTOCOL.md 18.2). Epoch and offset are both
 * absent in rooms without history.
 *
 * @publicApi
 */
export interface PresentedPosition extends Partial<RoomPositionData> {
  room: string;
}

/**
 * `$join`, client to server (PROTOCOL.md 17.1).
 *
 * @publicApi
 */
export interface JoinData {
  room: string;
  /** The last publication that the client has; absent: none. */
  since?: RoomPositionData;
}

/**
 * `$joined`, server to client (PROTOCOL.md 17.2).
 *
 * @publicApi
 */
export interface JoinedData {
  room: string;
  kind: 'ephemeral' | 'latest' | 'log';
  /** Absent in rooms without history. */
  epoch?: string;
  /** Absent in rooms without history. */
  offset?: number;
  /** Offset of the newest publication. */
  top?: number;
  /** Whether all that was published since the position of the client follows. */
  recovered: boolean;
  /** Why not. */
  reason?: string;
  /** Publications that the client has seen and that do not exist any more. */
  undone?: number;
}

/**
 * `$leave` of the client; `$degraded` and `$restored` of the server (PROTOCOL.md 17.6, 17.8).
 *
 * @publicApi
 */
export interface LeaveData {
  room: string;
}

/**
 * `$left` of the server (PROTOCOL.md 17.6).
 *
 * @publicApi
 */
export interface LeftData {
  room: string;
  /** Why the client is no member after a reconnect (PROTOCOL.md 18.6). */
  reason?: 'forbidden' | 'session' | 'failed';
}

/**
 * `$publish`, client to server (PROTOCOL.md 17.11).
 *
 * @publicApi
 */
export interface PublishData {
  room: string;
  event: string;
  data?: unknown;
}

/**
 * `$skip`, server to client (PROTOCOL.md 17.7).
 *
 * @publicApi
 */
export interface SkipData {
  room: string;
  /** The position of the member from now on. */
  offset: number;
  /** How many publications it did not get because it was slow; absent: the one at `offset` is not for it. */
  dropped?: number;
}
