import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { CONNECT_PATTERN, EXCEPTION_FILTERS_METADATA, filtersOf, foreignFilters, isChosen } from '../nest/index.js';
import type { HoldfastExceptionFilter } from './holdfast-exception.filter.js';
import { Invocation } from '../dispatch/index.js';
import { HoldfastError } from '../errors/index.js';
import { isThenable } from '../ground/index.js';
import { bindingOfClient, type NestBinding } from './nest-binding.js';

type Catch = (this: unknown, exception: unknown, host: ArgumentsHost) => unknown;

const wrapped = new WeakSet();

/**
 * Makes {@link HoldfastExceptionFilter} the last filter of a gateway, and watches those of the application: Nest
 * drops what a filter returns, so without this nobody would know that a request failed and must be answered, or that
 * an asynchronous filter rejected (which would end the process).
 */
export function watchFilters(type: object, methods: readonly object[], last: HoldfastExceptionFilter): void {
  const own = foreignFilters(type);
  // Nest asks the filters of a class from the last to the first.
  Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, [last, ...own], type);
  for (const filter of [...own, ...methods.flatMap(filtersOf)]) watchFilter(filter);
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
    return host.getType() === 'ws' ? watch(handle, exception, host, owner.constructor.name) : handle();
  };
  wrapped.add(watched);
  Object.defineProperty(owner, 'catch', { value: watched, configurable: true, writable: true });
}

function watch(handle: () => unknown, exception: unknown, host: ArgumentsHost, filter: string): unknown {
  const invocation: unknown = host.getArgByIndex(3);
  const binding = bindingOfClient(host.getArgByIndex(0));
  if (!binding) return handle();
  if (invocation instanceof Invocation) {
    watchMessage(handle, exception, invocation, binding, filter);
    return undefined;
  }
  if (host.getArgByIndex(2) !== CONNECT_PATTERN) {
    binding.hookFailed(exception);
    return undefined;
  }
  return watchHandshake(handle, exception, binding);
}

/**
 * What the peer is told by default is decided here: nothing more when the filter sent something, what the filter threw
 * when that was made to be answered, else the exception itself. So a filter that only looks on, or one written for HTTP
 * that does nothing here or finds no response to write to, leaves no request and no programming error in the dark.
 */
function watchMessage(
  handle: () => unknown,
  exception: unknown,
  invocation: Invocation,
  { link, parts }: NestBinding,
  filter: string,
): void {
  const before = link.connection.stats.messagesOut;
  invocation.failed(exception);
  const handled = (): void => {
    invocation.handledByFilter ||= link.connection.stats.messagesOut > before;
  };
  const rethrown = (error: unknown): void => {
    if (isChosen(error)) invocation.failed(error);
    else if (error !== exception) {
      const { gateway, method, event } = invocation.plan;
      parts.log.error(
        `filter:${gateway}.${method}`,
        `The exception filter ${filter} failed on "${event}" of ${gateway}.${method}`,
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

/**
 * Whatever a filter does with the exception, the client is refused; which answer it gets may be the filter's choice.
 */
async function watchHandshake(handle: () => unknown, exception: unknown, binding: NestBinding): Promise<void> {
  binding.refusal = { error: exception };
  try {
    await handle();
  } catch (error) {
    if (isChosen(error)) binding.refusal = { error };
    else if (error !== exception)
      binding.parts.log.error('filter:handshake', 'An exception filter failed during a handshake', error);
  }
}
