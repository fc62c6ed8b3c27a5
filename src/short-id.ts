import type { Connection } from '@holdfast/gateway';

/** Enough of an id to tell connections apart on a screen. The whole one is for the logs. */
export function shortId({ id }: Pick<Connection, 'id'>): string {
  return id.slice(0, 8);
}
