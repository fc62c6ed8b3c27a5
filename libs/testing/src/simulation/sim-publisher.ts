import { BackplaneError, type Published } from '@holdfast/backplane';
import { show, type SimRoom, Violation } from './check-stream.js';
import type { SimNode } from './sim-node.js';

interface Outcome {
  readonly room: SimRoom;
  readonly text: string;
  readonly what: 'stored' | 'none' | 'unknown';
}

const encoder = new TextEncoder();

/** Publishes, and compares the results with what the engine has stored. */
export class SimPublisher {
  readonly #outcomes: Outcome[] = [];
  /** Texts that were published with each key. */
  readonly #keyed = new Map<string, Set<string>>();
  #count = 0;

  get published(): number {
    return this.#count;
  }

  /** @param key - an idempotency key; a repeat has the same key and another text */
  publish(node: SimNode, room: SimRoom, key: string | undefined, onViolation: (violation: Violation) => void): void {
    const text = `${node.name} ${++this.#count}`;
    const once = key === undefined ? undefined : { key, windowMs: 1e9 };
    if (key !== undefined) this.#textsOf(room, key).add(text);
    node.hub.publish(room.name, encoder.encode(text), once).then(
      (published) => {
        try {
          if (node.isAlive) this.#stored(room, text, key, published);
        } catch (error) {
          onViolation(error as Violation);
        }
      },
      (error: unknown) => {
        if (!(error instanceof BackplaneError)) onViolation(new Violation(`${text} failed with ${String(error)}`));
        else if (node.isAlive) this.#outcomes.push({ room, text, what: error.outcome });
      },
    );
  }

  /**
   * Checks the logs at the end: what was acknowledged is stored once, what was rejected with `none` is not stored,
   * nothing is stored twice, and the publications of each node are in order.
   *
   * @throws Violation
   */
  check(rooms: Iterable<SimRoom>): void {
    for (const { room, text, what } of this.#outcomes) {
      const copies = room.truth.copiesOf(text);
      const isRight = what === 'stored' ? copies === 1 : copies <= (what === 'none' ? 0 : 1);
      if (!isRight) throw new Violation(`${text} has outcome ${what} and ${copies} copies in ${room.name}`);
    }
    for (const room of rooms) this.#checkLog(room);
  }

  #checkLog({ name, truth }: SimRoom): void {
    const present = new Set(truth.present());
    const last = new Map<string, number>();
    for (const text of present) {
      const [node = '', number] = text.split(' ');
      if ((last.get(node) ?? 0) >= Number(number)) throw new Violation(`${text} is out of order in ${name}`);
      last.set(node, Number(number));
    }
    for (const [place, texts] of this.#keyed) {
      const stored = [...texts].filter((text) => present.has(text));
      if (stored.length > 1) throw new Violation(`${place} is the key of ${stored.join(', ')}`);
    }
  }

  #stored(room: SimRoom, text: string, key: string | undefined, { first, repeat }: Published): void {
    if (first) {
      const there = room.truth.itemAt(first) ?? 'nothing';
      const isRight = repeat ? this.#textsOf(room, key ?? '').has(there) : there === text;
      if (!isRight) throw new Violation(`${text} is said to be at ${show(first)}, where ${there} is`);
    }
    if (repeat) this.#outcomes.push({ room, text, what: 'none' });
    else if (first) this.#outcomes.push({ room, text, what: 'stored' });
  }

  #textsOf({ name }: SimRoom, key: string): Set<string> {
    const place = `${name} ${key}`;
    let texts = this.#keyed.get(place);
    if (!texts) this.#keyed.set(place, (texts = new Set()));
    return texts;
  }
}
