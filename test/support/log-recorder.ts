import type { LoggerService } from '@nestjs/common';

type Level = 'log' | 'warn' | 'error' | 'debug' | 'verbose' | 'fatal';

/** Keeps what an application logs, so that a test can look at it. */
export class LogRecorder implements LoggerService {
  readonly #lines: { readonly level: Level; readonly words: readonly string[] }[] = [];
  readonly log = this.#keep('log');
  readonly warn = this.#keep('warn');
  readonly error = this.#keep('error');
  readonly debug = this.#keep('debug');
  readonly verbose = this.#keep('verbose');
  readonly fatal = this.#keep('fatal');

  /** Every line with all that was given to the logger, stack and context included. */
  get lines(): string[] {
    return this.#lines.map(({ level, words }) => `${level} ${words.join(' | ')}`);
  }

  /** Every line without stack and context. */
  get messages(): string[] {
    return this.#lines.map(({ level, words: [message = ''] }) => `${level} ${message}`);
  }

  /** Lines of one level without its name, stack and context included. */
  of(level: Level): string[] {
    return this.#lines.filter((line) => line.level === level).map(({ words }) => words.join(' | '));
  }

  #keep(level: Level): (...words: unknown[]) => void {
    return (...words) => void this.#lines.push({ level, words: words.map(String) });
  }
}
