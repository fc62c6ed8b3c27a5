import { closeCodes, errorCodes } from '@holdfast/protocol';
import { decodeClose, decodeFrame, type WireFrame } from '@holdfast/testing';

const knownErrors: ReadonlySet<string> = new Set(errorCodes.map(({ code }) => code));
const knownCloses: ReadonlySet<number> = new Set(closeCodes.map(({ code }) => code));

/**
 * What is wrong with the bytes that a server has sent on one connection: HTTP answers, and after a 101 frames. They may
 * end anywhere, because the peer may leave anywhere.
 *
 * @returns undefined when nothing is.
 */
export function unlawful(received: Buffer): string | undefined {
  let rest = received;
  while (rest.length > 0) {
    const head = rest.indexOf('\r\n\r\n');
    const text = rest.toString('latin1', 0, head < 0 ? rest.length : head);
    if (head < 0) return 'HTTP/1.1 '.startsWith(text.slice(0, 9)) ? undefined : `no HTTP answer: ${show(rest)}`;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
    if (Number.isNaN(status)) return `no HTTP answer: ${show(rest)}`;
    const body = rest.subarray(head + 4);
    if (status === 101) return unlawfulFrames(body);
    const length = lengthOf(text, body);
    // The rest of it was not read.
    if (length === undefined || body.length < length) return undefined;
    const problem = unlawfulAnswer(status, text, body.toString('utf8', 0, length));
    if (problem !== undefined) return problem;
    rest = body.subarray(length);
  }
  return undefined;
}

/** Bytes of a body; undefined when its end has not come. */
function lengthOf(head: string, body: Buffer): number | undefined {
  if (!/^transfer-encoding: chunked$/im.test(head)) return Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  // Nothing that is sent in chunks here has an end of this form inside.
  const last = body.indexOf('0\r\n\r\n');
  return last < 0 ? undefined : last + 5;
}

function unlawfulAnswer(status: number, head: string, body: string): string | undefined {
  const answer = parsed(body) as { error?: { code?: unknown } } | undefined;
  const code = answer?.error?.code;
  if (code === undefined) {
    // By Node's parser or by Nest's router, before or beside Holdfast.
    return status < 500 ? undefined : `${status} without a code of the catalogue: ${body}`;
  }
  if (typeof code !== 'string' || !knownErrors.has(code)) return `the unknown code ${JSON.stringify(code)}`;
  if (status === 503 && !/^retry-after: \d+$/im.test(head) && code !== 'TOO_MANY_CONNECTIONS')
    return `${code} without Retry-After`;
  return status >= 500 && status !== 503 ? `${status} ${code}` : undefined;
}

function unlawfulFrames(bytes: Buffer): string | undefined {
  let rest = bytes;
  let isClosed = false;
  for (;;) {
    const decoded = decodeFrame(rest);
    if (!decoded) return undefined;
    const { frame, size } = decoded;
    if (isClosed) return `a frame after the close frame: ${show(rest)}`;
    const problem = unlawfulFrame(frame);
    if (problem !== undefined) return problem;
    isClosed = frame.opcode === 8;
    rest = rest.subarray(size);
  }
}

/** @returns what is wrong with one frame of a server; undefined when nothing is. */
export function unlawfulFrame({ opcode, payload, masked, rsv, fin }: WireFrame): string | undefined {
  if (masked || rsv !== 0 || !fin) return `a frame with mask ${masked}, RSV ${rsv}, FIN ${fin}`;
  if (opcode === 1) {
    const envelope = parsed(payload.toString());
    const isEnvelope = typeof envelope === 'object' && envelope !== null && 'event' in envelope;
    return isEnvelope ? undefined : `a text that is no envelope: ${show(payload)}`;
  }
  if (opcode === 8) {
    const { code } = decodeClose(payload);
    // A peer that closes gets its own code back (RFC 6455 section 5.5.1).
    return knownCloses.has(code) || code === 1005 || (code >= 3000 && code <= 4999)
      ? undefined
      : `the close code ${code}`;
  }
  return opcode === 9 || opcode === 10 ? undefined : `a frame with opcode ${opcode}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function show(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 120));
}
