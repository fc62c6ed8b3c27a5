import { Injectable } from '@nestjs/common';

/** What is counted; the label says which kind of it, from a closed set of names. */
export type CounterName =
  | 'admitted'
  | 'refused'
  | 'violation'
  | 'ignored'
  | 'closed'
  | 'error'
  | 'missedBeat'
  | 'late'
  | 'paused'
  | 'notTaken'
  | 'dropped'
  | 'unchecked'
  | 'shed'
  | 'unrecovered'
  | 'degraded'
  | 'published'
  | 'recovered'
  | 'session';

/**
 * Counts of what happened since boot, for health pages and tests. Labels are codes of the catalogue or names in the
 * program, so there are few.
 *
 * @publicApi
 */
@Injectable()
export class Counters {
  readonly #values = new Map<CounterName, Map<string, number>>();

  /** @internal */
  add(name: CounterName, label: string): void {
    const labels = this.#values.get(name) ?? new Map<string, number>();
    this.#values.set(name, labels);
    labels.set(label, (labels.get(label) ?? 0) + 1);
  }

  /** How often it happened, for example `get('refused', 'ORIGIN_FORBIDDEN')`. */
  get(name: CounterName, label: string): number {
    return this.#values.get(name)?.get(label) ?? 0;
  }

  /** Every label of a name with its count. */
  of(name: CounterName): Iterable<readonly [label: string, count: number]> {
    return this.#values.get(name) ?? [];
  }

  /** Everything counted so far, keyed `name:label`. */
  snapshot(): Record<string, number> {
    const entries = [...this.#values].flatMap(([name, labels]) =>
      [...labels].map(([label, count]) => [`${name}:${label}`, count]),
    );
    // Pairs of a string and a number make a record of numbers.
    return Object.fromEntries(entries) as Record<string, number>;
  }
}
