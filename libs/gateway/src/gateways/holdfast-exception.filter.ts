import { type ArgumentsHost, Catch, type ExceptionFilter, Optional } from '@nestjs/common';
import { catches, CONNECT_PATTERN, OwnFilter } from '../nest/index.js';
import { Invocation } from '../dispatch/index.js';
import { bindingOfClient } from './nest-binding.js';

/**
 * The last filter of every gateway: what no filter of the application caught becomes an error frame with `code`,
 * `message`, `details` and the request's `id` (PROTOCOL.md). Applied by default; nobody has to name it.
 *
 * During the handshake it passes on what no global filter mapped, and the answer is an HTTP status.
 *
 * @publicApi
 */
@Catch()
@OwnFilter()
export class HoldfastExceptionFilter implements ExceptionFilter {
  /** @param globalFilters - Nest does not apply global filters to gateways; here they are asked before the default. */
  constructor(@Optional() private readonly globalFilters: readonly ExceptionFilter[] = []) {}

  catch(exception: unknown, host: ArgumentsHost): unknown {
    const binding = bindingOfClient(host.getArgByIndex(0));
    const invocation: unknown = host.getArgByIndex(3);
    if (invocation instanceof Invocation) this.#catchMessage(exception, invocation, host);
    else if (host.getArgByIndex(2) === CONNECT_PATTERN) return this.#catchHandshake(exception, host);
    // Without an invocation it is a request-scoped gateway that could not be built for a connection hook.
    else if (binding && binding.link.state !== 'closed') binding.hookFailed(exception);
    else throw exception;
    return undefined;
  }

  #catchMessage(exception: unknown, invocation: Invocation, host: ArgumentsHost): void {
    const filter = this.#globalFilterFor(exception);
    // Like all filters of the application it is watched, and says itself what became of the exception.
    if (filter) filter.catch(exception, host);
    else invocation.failed(exception);
  }

  #catchHandshake(exception: unknown, host: ArgumentsHost): unknown {
    const filter = this.#globalFilterFor(exception);
    if (!filter) throw exception;
    return filter.catch(exception, host);
  }

  /** As in HTTP: the one registered last is asked first, so that a catch-all can be declared before the others. */
  #globalFilterFor(exception: unknown): ExceptionFilter | undefined {
    return this.globalFilters.findLast((candidate) => catches(candidate, exception));
  }
}
