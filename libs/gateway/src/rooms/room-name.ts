import { HoldfastException } from '../errors/index.js';
import type { RoomLimits } from './room-limits.js';

/** They mean something in the patterns of rooms, or end lines of logs. */
const neverAllowed = ['/', '%', '?', '#', '*', '\\', '"', ' ', '\n', '\r', '\t', '\0'];

/** Which names rooms may have: segments of allowed characters, with single slashes between them. */
export class RoomNames {
  readonly #pattern: RegExp;
  readonly #rule: string;

  constructor(private readonly limits: Pick<RoomLimits, 'nameLength' | 'nameCharacters'>) {
    const { nameLength, nameCharacters } = limits;
    this.#pattern = new RegExp(`^[${nameCharacters}]+(?:/[${nameCharacters}]+)*$`, 'u');
    this.#rule = `A room has a name of 1 to ${nameLength} characters: ${nameCharacters}, with single slashes between them`;
  }

  /** @throws HoldfastException `INVALID_ROOM` */
  check(name: unknown): asserts name is string {
    if (typeof name === 'string' && name.length <= this.limits.nameLength && this.#pattern.test(name)) return;
    throw new HoldfastException('INVALID_ROOM', this.#rule);
  }
}

/** What is wrong with the characters that an application allows in names. */
export function nameProblems(characters: unknown): string[] {
  const allowed = `must be what stands between the brackets of a regular expression, such as 'a-z0-9-'`;
  if (typeof characters !== 'string' || characters === '' || /^\^|[[\]]/.test(characters)) return [allowed];
  try {
    const pattern = new RegExp(`^[${characters}]$`, 'u');
    const forbidden = neverAllowed.filter((character) => pattern.test(character));
    return forbidden.map((character) => `must not allow ${JSON.stringify(character)} in names of rooms`);
  } catch {
    return [allowed];
  }
}
