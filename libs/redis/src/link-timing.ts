import { LinkError } from './link.js';

/** How long a server that does not answer may delay the end. */
export const quitMs = 500;

/** Milliseconds before an attempt to connect again: up to a second, so that the engine is soon back. */
export function retryDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);
}

/**
 * Settles within a time, whatever the client library does.
 *
 * @param wasSent - whether the server may have run the command when nothing has come back
 */
export function inTime<T>(name: string, ms: number, wasSent: boolean, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new LinkError('late', wasSent, `Redis has not answered ${name} within ${ms} ms`));
    const timer = setTimeout(late, ms);
    call()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
