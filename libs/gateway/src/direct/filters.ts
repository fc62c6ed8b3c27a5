import type { ExceptionFilter } from '@nestjs/common';
import { catchError, EMPTY, from, isObservable } from 'rxjs';
import { isThenable } from '../ground/index.js';
import { catches, ExecutionContextHost } from '../nest/index.js';

/**
 * Calls a handler with its enhancers, and hands what they throw, at once, later or as an observable, to the first
 * filter that catches it, as Nest does.
 *
 * @param filters - in the order in which they are asked; the last one catches everything.
 * @param args - the arguments that the filter sees.
 * @returns what the handler returned; undefined for an error, of which the filters say what becomes.
 */
export function filtered(filters: readonly ExceptionFilter[], args: unknown[], run: () => unknown): unknown {
  const handle = (exception: unknown): void => {
    const host = new ExecutionContextHost(args);
    host.setType('ws');
    filters.find((filter) => catches(filter, exception))?.catch(exception, host);
  };
  const watch = (result: unknown): unknown =>
    isObservable(result)
      ? from(result).pipe(
          catchError((exception: unknown) => {
            handle(exception);
            return EMPTY;
          }),
        )
      : result;
  try {
    const result = run();
    return isThenable(result) ? result.then(watch, handle) : watch(result);
  } catch (exception) {
    handle(exception);
    return undefined;
  }
}
