import { HoldfastError } from '../errors/index.js';
import type { WireFormat, WireMessage } from './wire-format.js';

/** The event that `@RawMessage()` subscribes to. No client can name it: frames of this format have no event. */
export const RAW_EVENT = '$raw';

/** Frames whole, text and binary, to one handler, whose result is sent as it is. Errors are not told to the client. */
export class RawFormat implements WireFormat {
  readonly name = 'raw';

  decode(frame: string | Buffer): WireMessage {
    return { event: RAW_EVENT, data: frame };
  }

  encodeReply(value: unknown): string | Uint8Array | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' || value instanceof Uint8Array) return value;
    throw new HoldfastError(
      'INVALID_DATA',
      'a handler with @RawMessage() returns a string, a Uint8Array or nothing: what it returns is sent as it is',
    );
  }
}
