import type { Publication } from '@holdfast/backplane';
import { dataFrame, textFrame } from '../connection/index.js';
import type { WireFormat } from '../format/index.js';
import { type Item, readItem } from './publication-item.js';

/** A publication on its way to the members on this node. */
export class RoomFrame {
  readonly item: Item;
  #envelope: Buffer | undefined;
  #formats: Map<WireFormat, Buffer | undefined> | undefined;

  constructor(private readonly publication: Publication) {
    this.item = readItem(publication.item);
  }

  /** The frame for clients of that format, made once. Undefined where the format has no events. */
  for(format: WireFormat | undefined): Buffer | undefined {
    if (!format) return (this.#envelope ??= textFrame(this.#text()));
    const known = this.#formats?.get(format);
    if (known) return known;
    const frame = this.#encode(format);
    (this.#formats ??= new Map()).set(format, frame);
    return frame;
  }

  /** PROTOCOL.md 17.3. */
  #text(): string {
    const { room, epoch, offset } = this.publication;
    const place = epoch === '' ? '' : `,"offset":${offset},"epoch":${JSON.stringify(epoch)}`;
    const { publication } = this.item;
    const known = publication === undefined ? '' : `,"publication":"${publication}"`;
    return `${this.item.body},"room":${JSON.stringify(room)}${place}${known}}`;
  }

  #encode(format: WireFormat): Buffer | undefined {
    // Safe: it is an envelope without its closing brace.
    const { event, data } = JSON.parse(`${this.item.body}}`) as { event: string; data: unknown };
    const { room, epoch, offset } = this.publication;
    const place = epoch === '' ? { room } : { room, epoch, offset };
    const encoded = format.encodeEvent?.(event, data, place);
    return encoded === undefined ? undefined : dataFrame(encoded, undefined);
  }
}

/** Makes one {@link RoomFrame} per publication, however many members get it. */
export class RoomFrames {
  /** All members get a live publication one after the other. */
  #last: Publication | undefined;
  #lastFrame: RoomFrame | undefined;
  /** Those that are still in memory for members that catch up. */
  readonly #known = new WeakMap<Publication, RoomFrame>();

  of(publication: Publication): RoomFrame {
    if (this.#last === publication && this.#lastFrame) return this.#lastFrame;
    const frame = this.#known.get(publication) ?? new RoomFrame(publication);
    this.#known.set(publication, frame);
    this.#last = publication;
    this.#lastFrame = frame;
    return frame;
  }
}
