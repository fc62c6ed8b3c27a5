import { type CustomDecorator, SetMetadata } from '@nestjs/common';

export const CONCURRENCY = Symbol('holdfast:concurrency');

/**
 * Lets up to `limit` messages of one connection run in this handler at once. Without it the messages of a connection
 * are handled one after the other, in the order they came.
 *
 * Messages still begin in the order they came; a concurrent one does not make those behind it wait for its end.
 *
 * On a class it is said of each of its handlers, unless one says otherwise for itself.
 *
 * @param limit - 1 or more; messages above it wait.
 * @throws RangeError for any other limit.
 * @publicApi
 */
export function Concurrent(limit: number): CustomDecorator<symbol> & MethodDecorator {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(`@Concurrent(${limit}): the limit must be a whole number of at least 1`);
  }
  return SetMetadata(CONCURRENCY, limit);
}
