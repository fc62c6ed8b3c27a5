import { AsyncResource } from 'node:async_hooks';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, isObservable, mergeAll, mergeMap, Observable, of } from 'rxjs';
import { isThenable } from '../ground/index.js';

/**
 * Calls interceptors around a handler, in the order in which Nest does; without a promise where none of them is
 * asynchronous.
 *
 * @param proceed - pipes and handler. An interceptor that repeats its call repeats this.
 * @throws what the first interceptor throws at once.
 */
export function intercept(
  interceptors: readonly NestInterceptor[],
  context: ExecutionContext,
  proceed: () => unknown,
): Observable<unknown> {
  return new Round(interceptors, context, proceed).enter(0);
}

/** One message on its way through the interceptors. */
class Round {
  constructor(
    private readonly interceptors: readonly NestInterceptor[],
    private readonly context: ExecutionContext,
    private readonly proceed: () => unknown,
  ) {}

  /** @param index - of an interceptor; one more than the last: the handler, of whose answer an observable is made. */
  enter(index: number): Observable<unknown> {
    const interceptor = this.interceptors[index];
    // Not typed as it is in truth: interceptors return what they like, and Nest takes whatever RxJS takes.
    const result: unknown = interceptor
      ? interceptor.intercept(this.context, new Next(this, index + 1))
      : this.proceed();
    if (isThenable(result))
      return interceptor ? from(result as Promise<Observable<unknown>>).pipe(mergeAll()) : later(result);
    if (isObservable(result)) return from(result);
    return interceptor ? from(result as Observable<unknown>) : of(result);
  }
}

/** What interceptors know as `next`. */
class Next implements CallHandler {
  constructor(
    private readonly round: Round,
    private readonly index: number,
  ) {}

  handle(): Observable<unknown> {
    // As in Nest: what an interceptor enters around this call, such as a store of AsyncLocalStorage, holds for all that
    // follows, also where the observable is subscribed to after it has been left.
    const scope = new AsyncResource('HoldfastNext');
    return new Observable((subscriber) =>
      scope.runInAsyncScope(() => this.round.enter(this.index)).subscribe(subscriber),
    );
  }
}

function later(pending: PromiseLike<unknown>): Observable<unknown> {
  return from(pending).pipe(mergeMap((value) => (isObservable(value) ? value : of(value))));
}
