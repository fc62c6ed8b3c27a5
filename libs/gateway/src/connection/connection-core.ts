import type { WireFormat } from '../format/index.js';
import type { ClientEvents } from './client-events.js';
import type { ConnectionState } from './connection-state.js';
import type { DisconnectCause } from './disconnect-cause.js';
import type { Lane } from './link-facts.js';
import type { Principal } from './principal.js';
import type { OwnRooms } from './rooms-port.js';

/** What the face of a connection asks of the machinery behind it. */
export interface ConnectionCore {
  readonly state: ConnectionState;
  readonly cause: DisconnectCause | undefined;
  readonly signal: AbortSignal;
  readonly rtt: number | undefined;
  readonly stats: ConnectionStats;
  readonly tags: ReadonlySet<string>;
  readonly events: ClientEvents;
  readonly rooms: OwnRooms;
  /** Before this, nothing of the application is sent. */
  readonly isAdmitted: boolean;
  readonly paused: boolean;
  readonly format: WireFormat | undefined;
  /** What waits for the client. */
  readonly bufferedBytes: number;
  emit(event: string, data: unknown): boolean;
  sendFrame(frame: Buffer, lane: Lane): boolean;
  ping(payload: Uint8Array): void;
  flushed(): Promise<void>;
  close(code: number, reason: string): void;
  sever(): void;
  tag(tag: string): void;
  untag(tag: string): void;
  principalChanged(previous: Principal | undefined): void;
}

/**
 * What went through a connection so far.
 *
 * @publicApi
 */
export interface ConnectionStats {
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Bytes on the socket, frames' headers included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Frames that broke the protocol or named an unknown event. */
  readonly violations: number;
}
