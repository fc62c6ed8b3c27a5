import { Logger } from '@nestjs/common';
import { type Clock, systemClock } from '@holdfast/backplane';

const windowMs = 10_000;
const linesPerWindow = 10;

type Level = 'error' | 'warn' | 'debug';

interface Tally {
  /** Monotonic: a wall clock that is set back would silence a kind of line until it has caught up. */
  until: number;
  written: number;
  held: number;
}

/**
 * A log that a hostile peer cannot flood: of one kind of line it writes ten in ten seconds, then counts the rest and
 * says how many there were with the next line it writes. Kinds are the program's own, so they are few.
 */
export class BoundedLog {
  readonly #logger: Logger;
  // By level, too: a peer that makes many quiet mistakes must not keep a fault of the same handler out of the log.
  readonly #tallies: Readonly<Record<Level, Map<string, Tally>>> = {
    error: new Map(),
    warn: new Map(),
    debug: new Map(),
  };

  constructor(
    context: string,
    private readonly clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#logger = new Logger(context);
  }

  error(kind: string, message: string, error?: unknown): void {
    const suffix = this.#admit('error', kind);
    if (suffix === undefined) return;
    if (error === undefined) this.#write('error', message + suffix);
    else this.#write('error', message + suffix, readable(error));
  }

  /** @param message - see {@link debug} */
  warn(kind: string, message: () => string): void {
    const suffix = this.#admit('warn', kind);
    if (suffix !== undefined) this.#write('warn', message() + suffix);
  }

  /** @param message - only called when the line is written, so that most of what a crowd does costs no text. */
  debug(kind: string, message: () => string): void {
    const suffix = this.#admit('debug', kind);
    if (suffix !== undefined) this.#write('debug', message() + suffix);
  }

  /**
   * The application may have a logger of its own. One that throws must not undo what a line was to be written about.
   */
  #write(level: Level, message: string, ...details: readonly unknown[]): void {
    try {
      this.#logger[level](message, ...details);
    } catch {
      // It may be what was thrown that cannot be written. Otherwise there is nowhere to say it.
      if (details.length > 0) this.#write(level, message);
    }
  }

  #admit(level: Level, kind: string): string | undefined {
    const now = this.clock.now();
    const tallies = this.#tallies[level];
    let tally = tallies.get(kind);
    let suffix = '';
    if (!tally || now >= tally.until) {
      if (tally && tally.held > 0) suffix = ` (and ${tally.held} more like it before)`;
      tally = { until: now + windowMs, written: 0, held: 0 };
      tallies.set(kind, tally);
    }
    if (tally.written >= linesPerWindow) {
      tally.held++;
      return undefined;
    }
    tally.written++;
    return suffix;
  }
}

/** What is thrown may be anything, and to look at it may throw again: then there must still be a line. */
function readable(error: unknown): unknown {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : error;
  } catch {
    return 'What was thrown cannot be read';
  }
}
