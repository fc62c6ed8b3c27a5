import { CloseCode } from '@holdfast/protocol';

/** RFC 6455 section 5.5: a control frame carries 125 bytes, two of them are the code. */
const maxReasonBytes = 123;

/** What `ws` has closed with, by the code of the error it reports. */
export function violationCode(code: string | undefined): number {
  if (code === 'WS_ERR_INVALID_UTF8') return CloseCode.INVALID_TEXT;
  // Above the limit, or above what a number can count.
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    return CloseCode.TOO_BIG;
  }
  if (code?.startsWith('WS_ERR_TOO_MANY')) return CloseCode.POLICY;
  return code?.startsWith('WS_ERR_') ? CloseCode.PROTOCOL_ERROR : 1006;
}

/** Cuts at a character, never inside one: a broken sequence would make the peer close with 1007. */
export function cutReason(reason: string): string {
  let bytes = Buffer.from(reason);
  if (bytes.length <= maxReasonBytes) return reason;
  let end = maxReasonBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  bytes = bytes.subarray(0, end);
  return bytes.toString();
}
