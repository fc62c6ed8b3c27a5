import { WsException } from '@nestjs/websockets';
import { type DecodeLimits, exceedsMembers } from '@holdfast/protocol';
import { AuthenticationError, HoldfastException } from '../errors/index.js';
import type { WireError, WireFormat, WireMessage } from './wire-format.js';

/**
 * Nest's `WsMessageParser`: makes a message of the data of a frame, or returns nothing to ignore it.
 *
 * @publicApi
 */
export type MessageParser = (data: string | Buffer) => WireMessage | null | undefined;

/**
 * What Nest's `WsAdapter` says and accepts, byte for byte. PROTOCOL.md 13 lists the differences that remain.
 */
export class NestFormat implements WireFormat {
  readonly name = 'nest';

  constructor(
    private readonly limits: Pick<DecodeLimits, 'maxMembers'>,
    private readonly parse: MessageParser,
  ) {}

  decode(frame: string | Buffer): WireMessage | undefined {
    // Before it is parsed: objects cost many times their text.
    if (exceedsMembers(frame.toString(), this.limits.maxMembers)) return undefined;
    return this.parse(frame) ?? undefined;
  }

  encodeReply(value: unknown): string | undefined {
    return value === undefined || value === null ? undefined : JSON.stringify(value);
  }

  /** As `BaseWsExceptionFilter` does. */
  encodeError({ exception, message }: WireError, { event, data }: WireMessage): string {
    const given = exception instanceof WsException ? exception.getError() : isOurs(exception) ? message : unknown;
    return this.encodeEvent(
      'exception',
      typeof given === 'object' ? given : { status: 'error', message: given, cause: { pattern: event, data } },
    );
  }

  encodeEvent(event: string, data: unknown): string {
    return JSON.stringify({ event, data });
  }
}

const unknown = 'Internal server error';

/** What `WsAdapter` does not know, so that what it says of it is not to be repeated. */
function isOurs(exception: unknown): boolean {
  return exception === undefined || exception instanceof HoldfastException || exception instanceof AuthenticationError;
}

/** What `WsAdapter` does where no other parser is set. */
export function parseJson(data: string | Buffer): WireMessage | undefined {
  const parsed: unknown = JSON.parse(data.toString());
  return isMessage(parsed) ? parsed : undefined;
}

function isMessage(value: unknown): value is WireMessage {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
