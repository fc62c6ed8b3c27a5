import {
  type Backplane,
  BackplaneError,
  type BackplaneSink,
  type Position,
  type Publication,
} from '@holdfast/backplane';
import { vi } from 'vitest';

/** A history from which no test trims anything. */
export const history = { size: 10_000, ttlMs: 600_000 };
export const page = { items: 10_000, bytes: 16 * 1024 * 1024 };

/** What an engine tells its node. */
export class BackplaneNotes implements BackplaneSink {
  readonly notices: string[] = [];
  /** All that were ever named, or `all`. */
  readonly interruptedRooms = new Set<string>();
  readonly publications: Publication[] = [];
  readonly commands: string[] = [];

  publication(publication: Publication): void {
    this.publications.push(publication);
  }
  command(command: Uint8Array): void {
    this.commands.push(textOf(command));
  }
  interrupted(rooms: readonly string[] | 'all'): void {
    this.notices.push('interrupted');
    for (const room of rooms === 'all' ? [rooms] : rooms) this.interruptedRooms.add(room);
  }
  resumed(): void {
    this.notices.push('resumed');
  }

  heardIn(room: string): string[] {
    return this.publications.filter((publication) => publication.room === room).map(({ item }) => textOf(item));
  }
}

/** Publishes texts to a room one after the other, and keeps what has become of each. */
export class Publisher {
  readonly stored: { readonly text: string; readonly position: Position }[] = [];
  readonly refused: string[] = [];
  readonly unknown: string[] = [];

  constructor(
    private readonly backplane: Backplane,
    private readonly room: string,
  ) {}

  /** @throws BackplaneError */
  async publish(text: string): Promise<Position> {
    try {
      const { first } = await this.backplane.publish(this.room, [Buffer.from(text)], { history });
      if (!first) throw new Error('a publication in a room with history has a position');
      this.stored.push({ text, position: first });
      return first;
    } catch (error) {
      const isNone = error instanceof BackplaneError && error.outcome === 'none';
      (isNone ? this.refused : this.unknown).push(text);
      throw error;
    }
  }

  /** Tries other texts until one is stored. */
  async publishAgain(prefix: string): Promise<Position> {
    let attempts = 0;
    return await vi.waitFor(() => this.publish(`${prefix} ${++attempts}`), { timeout: 20_000, interval: 20 });
  }

  async publishAll(texts: readonly string[]): Promise<Position[]> {
    const positions: Position[] = [];
    for (const text of texts) positions.push(await this.publish(text));
    return positions;
  }
}

/** Everything of a room after a position. */
export async function textsAfter(backplane: Backplane, room: string, since: Position): Promise<string[]> {
  const texts: string[] = [];
  // An engine may return less than the page allows.
  for (let from = since, hasMore = true; hasMore;) {
    const result = await backplane.read(room, from, page, history);
    if (!result.whole) throw new Error(`${room} cannot be read after ${from.offset}: ${result.reason}`);
    texts.push(...result.items.map(({ item }) => textOf(item)));
    from = result.items.at(-1) ?? from;
    hasMore = result.more;
  }
  return texts;
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

export function countTo(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}`);
}
