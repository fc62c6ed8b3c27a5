/** One publication, as the reference knows it. */
interface Entry {
  readonly data: unknown;
  /** Of a user whose connection was left out. */
  readonly except: string | undefined;
}

/** What was published: the reference. */
export class Logs {
  readonly #logs = new Map<string, Map<number, Entry>>();

  /** @param kept - publications that each room keeps, by its name. */
  constructor(private readonly kept: (room: string) => number) {}

  add(room: string, offset: number, entry: Entry): void {
    const log = this.#logs.get(room) ?? new Map<number, Entry>();
    this.#logs.set(room, log.set(offset, entry));
  }

  top(room: string): number {
    return this.#logs.get(room)?.size ?? 0;
  }

  dataOf(room: string, offset: number): unknown {
    return this.#logs.get(room)?.get(offset)?.data;
  }

  /** The offsets that may follow: the next one, and those behind publications that leave the user out. */
  next(room: string, reached: number, user: string): number[] {
    const offsets = [reached + 1];
    while (this.#logs.get(room)?.get(offsets.at(-1) ?? 0)?.except === user) offsets.push((offsets.at(-1) ?? 0) + 1);
    return offsets;
  }

  /** Whether a member that has come as far as `reached` may be told that it has missed what follows, up to `upTo`. */
  mayMiss(room: string, reached: number | undefined, upTo: number): boolean {
    return reached === undefined || upTo - reached > this.kept(room);
  }
}
