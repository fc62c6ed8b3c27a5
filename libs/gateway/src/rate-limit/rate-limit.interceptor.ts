import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { Connection } from '../connection/index.js';
import { Call, CONNECT_PATTERN } from '../nest/index.js';
import { bindRateLimits, type BoundRateLimit } from './bound-rate-limit.js';
import { RateLimits } from './rate-limits.js';

/**
 * Enforces {@link RateLimit} where it is attached by hand. Messages that the gateway dispatches have been checked
 * before any interceptor runs, and handshakes have limits of their own (`admission.handshakeRate`), so both pass:
 * nothing is counted twice. What it checks is a handler that the application calls through Nest by itself.
 *
 * @publicApi
 */
@Injectable()
export class RateLimitInterceptor implements NestInterceptor {
  /** By class and then by handler: subclasses share the handlers they inherit. */
  readonly #bound = new WeakMap<object, Map<object, readonly BoundRateLimit[]>>();

  /** @internal Nest creates it. */
  constructor(private readonly limits: RateLimits) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const [connection, data, pattern, call] = context.getArgs<unknown[]>();
    const isChecked = call instanceof Call || pattern === CONNECT_PATTERN;
    if (connection instanceof Connection && !isChecked) {
      // `instanceof` cannot know the type of `data`, and nobody here looks at it.
      await this.limits.check(connection as Connection, data, this.#limitsOf(context));
    }
    return next.handle();
  }

  #limitsOf(context: ExecutionContext): readonly BoundRateLimit[] {
    const [type, handler] = [context.getClass(), context.getHandler()];
    const ofType = this.#bound.get(type) ?? new Map<object, readonly BoundRateLimit[]>();
    this.#bound.set(type, ofType);
    const limits = ofType.get(handler) ?? bindRateLimits(type, handler, `${type.name}.${handler.name}`);
    ofType.set(handler, limits);
    return limits;
  }
}
