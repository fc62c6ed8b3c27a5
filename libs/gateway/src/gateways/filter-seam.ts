import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { isChosen } from '../nest/error-account.js';
import { HoldfastExceptionFilter } from './holdfast-exception.filter.js';
import { Invocation } from '../dispatch/invocation.js';
import { HoldfastError } from '../errors/holdfast-error.js';
import { CONNECT_PATTERN } from '../nest/call.js';
import { type Session, sessionOfClient } from '../lifecycle/session.js';
import { isThenable } from '../ground/is-thenable.js';
import { EXCEPTION_FILTERS_METADATA, readMetadata } from '../nest/internals.js';

type Catch = (this: unknown, exception: unknown, host: ArgumentsHost) => unknown;

const wrapped = new WeakSet();

/**
 * Makes {@link HoldfastExceptionFilter} the last filter of a gateway, and watches those of the application: Nest
 * drops what a filter returns, so without this nobody would know that a request failed and must be answered, or that
 * an asynchronous filter rejected (which would end the process).
 */
export function watchFilters(type: object, methods: readonly object[], last: HoldfastExceptionFilter): void {
  const own = ownFilters(type);
  // Nest asks the filters of a class from the last to the first.
  Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, [last, ...own], type);
  for (const filter of [...own, ...methods.flatMap(filtersOf)]) watchFilter(filter);
}

/** Filters of the application, as opposed to ours, on a gateway class or one of its methods. */
export function ownFilters(target: object): unknown[] {
  return filtersOf(target).filter(
    (filter) => filter !== HoldfastExceptionFilter && !(filter instanceof HoldfastExceptionFilter),
  );
}

/**
 * Wraps `catch` of a filter class or instance. Outside WebSocket gateways it behaves as before.
 *
 * @throws HoldfastError `INVALID_GATEWAY` for a class whose `catch` is a property: there is nothing to wrap, and what
 *   it catches would be answered as if it had gone well.
 */
export function watchFilter(filter: unknown): void {
  const owner: unknown = typeof filter === 'function' ? filter.prototype : filter;
  if (typeof owner !== 'object' || owner === null) return;
  const original: unknown = Reflect.get(owner, 'catch');
  if (typeof original !== 'function') {
    throw new HoldfastError(
      'INVALID_GATEWAY',
      `The exception filter ${owner.constructor.name} has no method "catch": Holdfast cannot watch one that is a property`,
    );
  }
  if (wrapped.has(original)) return;
  const watched: Catch = function (this, exception, host) {
    // What was read as `catch` of a filter is called as one.
    const handle = (): unknown => (original as ExceptionFilter['catch']).call(this, exception, host);
    return host.getType() === 'ws' ? watch(handle, exception, host) : handle();
  };
  wrapped.add(watched);
  Object.defineProperty(owner, 'catch', { value: watched, configurable: true, writable: true });
}

function watch(handle: () => unknown, exception: unknown, host: ArgumentsHost): unknown {
  const invocation: unknown = host.getArgByIndex(3);
  const session = sessionOfClient(host.getArgByIndex(0));
  if (!session) return handle();
  if (invocation instanceof Invocation) {
    watchMessage(handle, exception, invocation, session);
    return undefined;
  }
  if (host.getArgByIndex(2) !== CONNECT_PATTERN) {
    session.hookFailed(exception);
    return undefined;
  }
  return watchHandshake(handle, exception, session);
}

/**
 * What the peer is told by default is decided here: nothing more when the filter sent something, what the filter threw
 * when that was made to be answered, else the exception itself. So a filter that only looks on, or one written for HTTP
 * that does nothing here or finds no response to write to, leaves no request and no programming error in the dark.
 */
function watchMessage(handle: () => unknown, exception: unknown, invocation: Invocation, session: Session): void {
  const before = session.connection.stats.messagesOut;
  invocation.failed(exception);
  const handled = (): void => {
    invocation.handledByFilter ||= session.connection.stats.messagesOut > before;
  };
  const rethrown = (error: unknown): void => {
    if (isChosen(error)) invocation.failed(error);
    else if (error !== exception) {
      const { gateway, method, event } = invocation.plan;
      session.services.log.error(
        `filter:${gateway}.${method}`,
        `An exception filter of ${gateway}.${method} failed on "${event}"`,
        error,
      );
    }
  };
  try {
    const result = handle();
    if (isThenable(result)) invocation.filtering = Promise.resolve(result).then(handled, rethrown);
    else handled();
  } catch (error) {
    rethrown(error);
  }
}

/** Whatever a filter does with the exception, the client is refused; which answer it gets may be the filter's choice. */
async function watchHandshake(handle: () => unknown, exception: unknown, session: Session): Promise<void> {
  session.refusal = { error: exception };
  try {
    await handle();
  } catch (error) {
    if (isChosen(error)) session.refusal = { error };
    else if (error !== exception)
      session.services.log.error('filter:handshake', 'An exception filter failed during a handshake', error);
  }
}

function filtersOf(target: object): unknown[] {
  const filters = readMetadata(EXCEPTION_FILTERS_METADATA, target);
  return Array.isArray(filters) ? filters : [];
}
