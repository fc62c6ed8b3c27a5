import { WsException } from '@nestjs/websockets';
import { type DecodeLimits, exceedsDepth, exceedsMembers } from '@holdfast/protocol';
import { AuthenticationError, HoldfastException } from '../errors/index.js';
import type { WireError, WireFormat, WireMessage } from './wire-format.js';

/**
 * Nest's `WsMessageParser`: makes a message of the data of a frame, or returns nothing to ignore it.
 *
 * @publicApi
 */
export type MessageParser = (data: string | Buffer) => WireMessage | null | undefined;

/**
 * What Nest's `WsAdapter` says and accepts, byte for byte. PROTOCOL.md 16.4 lists the differences that remain.
 */
export class NestFormat implements WireFormat {
  readonly name = 'nest';

  constructor(private readonly parse: MessageParser) {}

  decode(frame: string | Buffer): WireMessage | undefined {
    return this.parse(frame) ?? undefined;
  }

  encodeReply(value: unknown): string | undefined {
    return value === undefined || value === null ? undefined : JSON.stringify(value);
  }

  /** As `BaseWsExceptionFilter` does. */
  encodeError({ exception, message }: WireError, { event, data }: WireMessage): string {
    const given = exception instanceof WsException ? exception.getError() : isOurs(exception) ? message : unknownError;
    return this.encodeEvent(
      'exception',
      typeof given === 'object' ? given : { status: 'error', message: given, cause: { pattern: event, data } },
    );
  }

  encodeEvent(event: string, data: unknown): string {
    return JSON.stringify({ event, data });
  }
}

const unknownError = 'Internal server error';

/** What `WsAdapter` does not know, so that what it says of it is not to be repeated. */
function isOurs(exception: unknown): boolean {
  return exception === undefined || exception instanceof HoldfastException || exception instanceof AuthenticationError;
}

/** @returns the parser of `WsAdapter` where no other one is set, within the limits of envelopes. */
export function jsonParser({ maxDepth, maxMembers }: DecodeLimits): MessageParser {
  return (data) => {
    const text = data.toString();
    // Before it is parsed: objects cost many times their text. The message itself is one level more than its data.
    if (exceedsMembers(text, maxMembers) || exceedsDepth(text, maxDepth + 1)) return undefined;
    const parsed: unknown = JSON.parse(text);
    return isMessage(parsed) ? parsed : undefined;
  };
}

function isMessage(value: unknown): value is WireMessage {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
