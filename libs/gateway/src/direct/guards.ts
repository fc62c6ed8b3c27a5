import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';

/**
 * Asks guards in their order, until one says no.
 *
 * @returns a promise where one of them is asynchronous: when all clients of a node reconnect at once, or send, what is
 *   not waits for nothing.
 */
export function passes(
  guards: readonly CanActivate[],
  context: ExecutionContext,
  first = 0,
): boolean | Promise<boolean> {
  for (let index = first; index < guards.length; index++) {
    const verdict = guards[index]?.canActivate(context);
    if (typeof verdict !== 'boolean')
      return valueOf(verdict).then((isPassed) => Boolean(isPassed) && passes(guards, context, index + 1));
    if (!verdict) return false;
  }
  return true;
}

async function valueOf(verdict: unknown): Promise<unknown> {
  const value = await verdict;
  return isObservable(value) ? lastValueFrom(value) : value;
}
