import type { PayloadLimits } from '../admission/index.js';

/** What the options say of it; undefined: as much as the largest message needs. */
export interface MessageLimits {
  readonly maxPayloadBytes: number;
  readonly maxFragments: number | undefined;
  readonly maxBufferedChunks: number | undefined;
}

/**
 * The smallest packets in use carry 536 bytes (RFC 9293 section 3.7.1), so a message that comes over any link has fewer
 * chunks than this makes of it. Fragments are as many as a client may make of the largest message.
 */
const bytesPerPart = 512;
const minFragments = 1_024;
const minBufferedChunks = 4_096;

/** @param maxPayload - what the gateways of the path set in place of `messages.maxPayloadBytes`. */
export function endpointSettings(messages: MessageLimits, maxPayload: number | undefined): PayloadLimits {
  const maxPayloadBytes = maxPayload ?? messages.maxPayloadBytes;
  const parts = Math.ceil(maxPayloadBytes / bytesPerPart);
  return {
    maxPayloadBytes,
    maxFragments: messages.maxFragments ?? Math.max(minFragments, parts),
    maxBufferedChunks: messages.maxBufferedChunks ?? Math.max(minBufferedChunks, parts),
  };
}
