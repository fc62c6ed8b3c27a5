import { encode } from '@holdfast/protocol';
import { HoldfastError } from '../errors/index.js';

/** What is stored of a publication beside its event and data. */
export interface ItemHeader {
  /** Who does not get it: `c:` and the id of a connection, `p:` and the subject of a principal. */
  readonly except?: readonly string[];
  /** Rooms that the same publication went to before: their members get it there. */
  readonly after?: readonly string[];
  /** Members that do not read fast enough do not get it. */
  readonly volatile?: boolean;
  /** Of a publication to several rooms, by which clients know it again. */
  readonly publication?: string;
}

/** A publication as it is stored, read. */
export interface Item extends ItemHeader {
  /** The envelope without its closing brace, so that room and position are put behind it. */
  readonly body: string;
}

/**
 * Makes the bytes of a publication: a line of JSON about who gets it, empty for most, and the envelope.
 *
 * @throws HoldfastError `INVALID_DATA` for what JSON cannot express, `PUBLICATION_TOO_LARGE`
 */
export function itemOf(event: string, data: unknown, maxBytes: number, header?: ItemHeader): Uint8Array {
  const encoded = encode(data === undefined ? { event } : { event, data });
  if (!encoded.ok) throw new HoldfastError('INVALID_DATA', `"${event}" cannot be published: ${encoded.error.message}`);
  const bytes = Buffer.byteLength(encoded.text);
  if (bytes > maxBytes) {
    throw new HoldfastError(
      'PUBLICATION_TOO_LARGE',
      `"${event}" has ${bytes} bytes; roomLimits.publicationBytes allows ${maxBytes}`,
    );
  }
  return Buffer.from(`${header ? JSON.stringify(header) : ''}\n${encoded.text.slice(0, -1)}`);
}

/** Reads what {@link itemOf} has made. */
export function readItem(item: Uint8Array): Item {
  const text = Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString();
  // JSON escapes line breaks, so the first one is ours.
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  // Safe: nothing but `itemOf` writes items.
  return end === 0 ? { body } : { ...(JSON.parse(text.slice(0, end)) as ItemHeader), body };
}
