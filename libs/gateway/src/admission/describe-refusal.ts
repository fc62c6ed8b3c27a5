import type { IncomingMessage } from 'node:http';
import type { Refusal } from './refusal.js';

/** Enough to recognize a path or an origin by; both are the peer's to choose. */
const longestQuote = 200;

/** The line of the log about a rejected handshake. Of what the peer presented it has path and origin alone. */
export function describeRefusal({ url = '', headers }: IncomingMessage, { code, message, hint }: Refusal): string {
  const [path = ''] = url.split('?', 1);
  const from = headers.origin === undefined ? '' : ` from origin ${quoted(headers.origin)}`;
  return `Rejected ${quoted(path)}${from}: ${code} (${hint ?? message})`;
}

function quoted(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > longestQuote ? `${printable.slice(0, longestQuote)}...` : printable;
}
