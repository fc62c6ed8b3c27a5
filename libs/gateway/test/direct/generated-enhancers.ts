import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
} from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import {
  catchError,
  concat,
  mergeMap,
  EMPTY,
  from,
  map,
  type Observable,
  of,
  retry,
  tap,
  throwError,
  timeout,
} from 'rxjs';

/** Writes down what happens, in its order. */
export type Witness = (place: string, what: string, ...facts: unknown[]) => void;

const store = new AsyncLocalStorage<string>();

type Verdict = boolean | Promise<boolean> | Observable<boolean>;
type Decide = (context: ExecutionContext) => Verdict;
type Intercept = (context: ExecutionContext, next: CallHandler, place: string, witness: Witness) => unknown;
type Convert = (value: unknown) => unknown;
type React = (exception: unknown, client: Connection) => unknown;

export const guards: Record<string, Decide> = {
  yes: () => true,
  'yes later': () => Promise.resolve(true),
  'yes observed': () => of(true),
  'yes, promised to be observed': () => Promise.resolve(of(true)) as never,
  no: () => false,
  'no later': () => Promise.resolve(false),
  'no observed': () => of(false),
  throws: () => {
    throw new ForbiddenException('a guard threw');
  },
  rejects: () => Promise.reject(new WsException('a guard rejected')),
  'observes nothing': () => EMPTY,
};

export const interceptors: Record<string, Intercept> = {
  passes: (_context, next) => next.handle(),
  maps: (_context, next, place) => next.handle().pipe(map((value: unknown) => ({ place, value: value ?? 'nothing' }))),
  taps: (_context, next, place, witness) =>
    next.handle().pipe(
      tap({
        next: (value) => witness(place, 'value', value),
        error: (error) => witness(place, 'error', String(error)),
        complete: () => witness(place, 'complete'),
      }),
    ),
  catches: (_context, next, place) => next.handle().pipe(catchError((error) => of({ place, caught: String(error) }))),
  'throws another': (_context, next) =>
    next.handle().pipe(catchError(() => throwError(() => new WsException('other')))),
  'times out': (_context, next) => next.handle().pipe(timeout(60_000)),
  'answers itself': (_context, _next, place) => of({ place }),
  'says nothing': () => EMPTY,
  'throws before': () => {
    throw new BadRequestException('before');
  },
  'throws after': (_context, next) =>
    next.handle().pipe(
      map(() => {
        throw new WsException({ code: 'AFTER', message: 'after' });
      }),
    ),
  'promises it': (_context, next) => Promise.resolve(next.handle()),
  'begins later': async (_context, next) => {
    await Promise.resolve();
    return next.handle();
  },
  rejects: () => Promise.reject(new WsException('an interceptor rejected')),
  'does it twice': (_context, next) => concat(next.handle(), next.handle()),
  'tries again': (_context, next) => next.handle().pipe(retry(1)),
  'runs in a store': (_context, next, place) => store.run(place, () => next.handle()),
  'puts it off': (_context, next) => from(Promise.resolve()).pipe(mergeMap(() => next.handle())),
  'is no observable': () => undefined,
  lists: () => ['one', 'two'],
  'changes the data': (context, next, place) => {
    context.getArgs<unknown[]>()[1] = { changed: place };
    return next.handle();
  },
};

export const pipes: Record<string, Convert> = {
  same: (value) => value,
  wraps: (value) => ({ value }),
  'wraps later': (value) => Promise.resolve({ value }),
  throws: () => {
    throw new BadRequestException(['a rule', 'another']);
  },
  rejects: () => Promise.reject(new WsException('a pipe rejected')),
};

export const filters: Record<
  string,
  { readonly types: readonly (abstract new (...args: never[]) => unknown)[]; readonly react: React }
> = {
  'looks on': { types: [], react: () => undefined },
  'sees WsException': { types: [WsException], react: () => undefined },
  'sees HttpException': { types: [HttpException], react: () => undefined },
  sends: { types: [], react: (_exception, client) => client.emit('failed', 'sent by a filter') },
  'sends later': {
    types: [WsException],
    react: async (_exception, client) => {
      await Promise.resolve();
      client.emit('failed', 'sent later');
    },
  },
  chooses: {
    types: [HttpException],
    react: () => {
      throw new WsException({ code: 'CHOSEN', message: 'by a filter' });
    },
  },
  'chooses later': {
    types: [],
    react: () => Promise.reject(new WsException({ code: 'LATER', message: 'by a filter' })),
  },
  breaks: {
    types: [WsException],
    react: () => {
      throw new TypeError('a filter broke');
    },
  },
};

/** What a handler does with what it is given. */
export const handlers: Record<string, (data: unknown) => unknown> = {
  answers: (data) => ({ data, store: store.getStore() ?? null }),
  'answers later': (data) => Promise.resolve({ data, store: store.getStore() ?? null }),
  'says nothing': () => undefined,
  'answers with an event': (data) => ({ event: 'told', data }),
  'throws WsException': () => {
    throw new WsException('from the handler');
  },
  'throws HttpException': () => {
    throw new ForbiddenException('from the handler');
  },
  'throws Error': () => {
    throw new RangeError('from the handler');
  },
  rejects: () => Promise.reject(new WsException({ code: 'OWN', message: 'later' })),
  'observes one': (data) => of(data ?? null),
  'observes three': () => of(1, 2, 3),
  'observes later': (data) => from(Promise.resolve(data ?? null)),
  'observes a failure': () =>
    concat(
      of(1),
      throwError(() => new WsException('in the middle')),
    ),
  'promises to observe': (data) => Promise.resolve(of(data ?? null)),
  'observes nothing': () => EMPTY,
};

/** A filter class that catches some types. */
export function filterOf(name: string, place: string, witness: Witness): new () => ExceptionFilter {
  const { types, react } = filters[name]!;
  class Filter implements ExceptionFilter {
    catch(exception: unknown, host: ArgumentsHost): unknown {
      witness(place, 'filter', String(exception), host.getType(), host.getArgs().length);
      return react(exception, host.switchToWs().getClient<Connection>());
    }
  }
  Catch(...types)(Filter);
  return Filter;
}
