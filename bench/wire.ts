import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SignJWT } from 'jose';

export type SubjectName =
  | 'ws'
  | 'ws-jwt'
  | 'nest'
  | 'nest-full'
  | 'nest-user'
  | 'socket.io'
  | 'holdfast'
  | 'holdfast-full'
  | 'holdfast-user'
  | 'holdfast-full-otel'
  | 'holdfast-full-unsampled'
  | 'holdfast-jwt'
  | CrowdSubject
  | LargeSubject;

/** Those whose clients are all in one room. */
type CrowdSubject = 'ws-crowd' | 'socket.io-crowd' | 'holdfast-crowd' | 'holdfast-crowd-log';

/** Those that take messages of some size, bare `ws` without a limit of chunks. */
export type LargeSubject = `${'ws' | 'holdfast'}-${keyof typeof largestBytes}`;

export const largestBytes = { '256k': 256 * 1024, '100m': 100 * 1024 * 1024 } as const;

/** What the generator is told to do. */
export type Order =
  | {
      readonly kind: 'echo';
      readonly port: number;
      readonly socketIo: boolean;
      readonly token: string;
      readonly connections: number;
      readonly inFlight: number;
      readonly messages: number;
      /** Requests, which are answered by their id; otherwise messages to which an event answers. */
      readonly withId: boolean;
    }
  | {
      readonly kind: 'handshakes';
      readonly port: number;
      readonly socketIo: boolean;
      readonly token: string;
      /** Each connection has another token of the same user. */
      readonly ownTokens: boolean;
      readonly count: number;
    }
  | {
      readonly kind: 'hold';
      readonly port: number;
      readonly socketIo: boolean;
      readonly token: string;
      readonly connections: number;
    }
  | {
      readonly kind: 'receive';
      /** Until the held clients have received so many messages since they connected. */
      readonly total: number;
    }
  | {
      /** SDK clients that come back, and are held. */
      readonly kind: 'return';
      readonly port: number;
      readonly token: string;
      readonly connections: number;
      /** Publications that each of them has missed. */
      readonly missed: number;
    }
  | VisitOrder
  | { readonly kind: 'release' };

/** SDK clients that echo, or join a room and leave it, so many times in all. */
export interface VisitOrder {
  readonly kind: 'visit';
  readonly port: number;
  readonly token: string;
  readonly connections: number;
  readonly steps: number;
  /** `visit`: the server does both in one request; `join`: by `$join` and `$leave`. */
  readonly step: 'echo' | 'echo twice' | 'visit' | 'join';
}

/** What a flood consists of. */
export type FloodKind = 'tiny' | 'pings' | 'fragments' | 'dto' | 'members' | 'limited';

export interface FloodOrder {
  readonly port: number;
  readonly token: string;
  readonly kind: FloodKind;
  readonly connections: number;
}

export interface InnocentOrder {
  readonly port: number;
  readonly token: string;
  readonly seconds: number;
}

/** Milliseconds that 99 of 100 round trips stayed below. */
export interface InnocentAnswer {
  readonly requestP99: number;
  readonly healthP99: number;
}

/** Clients that stay connected, and ask once a second. */
export interface ConnectedOrder {
  readonly port: number;
  readonly token: string;
  readonly connections: number;
}

export interface ConnectedAnswer {
  /** Milliseconds that 99 of 100 round trips since the last answer stayed below. */
  readonly p99: number;
  /** Clients that are connected no more. */
  readonly lost: number;
}

/** A fleet whose clients make their first attempt at any moment of a window. */
export interface ReturningOrder extends ConnectedOrder {
  readonly windowMs: number;
}

export interface ReturningAnswer {
  /** Until the last was let in. */
  readonly ms: number;
  readonly refused: number;
  /** Attempts that ended without an answer. */
  readonly failed: number;
}

/** One frame that a subject sends to itself, so that each packet is read by itself. */
export interface Drip {
  readonly bytes: number;
  readonly packetBytes: number;
}

/** What became of it. */
export interface Dripped {
  /** The longest stop of the event loop meanwhile. */
  readonly stopMs: number;
  readonly told: string;
}

/** The secret of the tokens in all benches. */
export const secret = 'a secret for benches that is long enough';

/** The token of every client, or with a number, one of its own. */
export function benchToken(number?: number): Promise<string> {
  return new SignJWT({ number })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('bench')
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(secret));
}

/** The next message of a child. */
export async function answerOf<T>(child: ChildProcess): Promise<T> {
  // The benches' own processes send what they say they send.
  const [message] = (await once(child, 'message')) as [T];
  return message;
}
