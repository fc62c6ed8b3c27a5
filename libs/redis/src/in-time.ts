import { LinkError } from './link.js';

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

/** Connects within a time. Libraries try again for ever, and tell by an event why an attempt has failed. */
export async function connectInTime(ms: number, lastError: () => Error | undefined, connect: () => Promise<unknown>) {
  try {
    await inTime('connect', ms, false, connect);
  } catch (error) {
    const cause = lastError() ?? error;
    const message = cause instanceof Error ? cause.message : String(cause);
    const isRefusal = /\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(message);
    const text = isRefusal ? message : `Redis cannot be reached: ${message}`;
    throw new LinkError(isRefusal ? 'reply' : 'away', false, text, { cause });
  }
}
