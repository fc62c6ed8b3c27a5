import type { ErrorData } from '@holdfast/protocol';

/**
 * A message as a {@link WireFormat} has read it from a frame. A format may add members of its own, and finds them again
 * when it encodes what is answered.
 *
 * @publicApi
 */
export interface WireMessage {
  /** Name of the event, by which the handler is found. */
  readonly event: string;
  readonly data: unknown;
}

/**
 * Where an event was published, for formats that tell their clients. Rooms without history have no positions.
 *
 * @publicApi
 */
export interface WirePlace {
  readonly room: string;
  readonly epoch?: string;
  readonly offset?: number;
}

/**
 * What a message is answered with when it fails.
 *
 * @publicApi
 */
export interface WireError extends ErrorData {
  /** What was thrown; undefined where Holdfast refused the message itself. */
  readonly exception: unknown;
}

/**
 * How messages travel between the plain clients of a gateway and its handlers. Clients that speak
 * `holdfast.v1.json` use the envelope of PROTOCOL.md 3, whatever the format of the gateway is. Order, limits, close
 * codes, admission, heartbeat and drain are the same under each format.
 *
 * A format holds no state of a connection. What its methods throw is logged and counted as `ignored` or `UNENCODABLE`,
 * and ends nothing.
 *
 * @publicApi
 */
export interface WireFormat {
  /** For logs and messages at boot. */
  readonly name: string;

  /**
   * Reads a frame: text as a string, a binary frame as a Buffer.
   *
   * @returns undefined for a frame to ignore. It is counted, and not answered.
   */
  decode(frame: string | Buffer): WireMessage | undefined;

  /**
   * Makes a frame of what a handler returned, or of one value of an observable.
   *
   * @returns text, bytes for a binary frame, or undefined where nothing is sent.
   */
  encodeReply(value: unknown, message: WireMessage): string | Uint8Array | undefined;

  /**
   * Makes a frame of an error. Absent: errors are logged and counted, and the client is not told.
   *
   * @returns see {@link encodeReply}
   */
  encodeError?(error: WireError, message: WireMessage): string | Uint8Array | undefined;

  /**
   * Makes a frame of an event for {@link Connection.emit}. Absent: `emit` throws `UNSUPPORTED`, and members of rooms
   * get nothing.
   *
   * @param place - of an event that was published to a room.
   */
  encodeEvent?(event: string, data: unknown, place?: WirePlace): string | Uint8Array;
}
