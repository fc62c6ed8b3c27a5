import type { CanActivate, ExceptionFilter, NestInterceptor, Type } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { Connection } from '../connection/index.js';
import type { Pipeline } from '../dispatch/index.js';
import { type Call, FORBIDDEN_MESSAGE } from '../nest/index.js';
import { filtered } from './filters.js';
import { passes } from './guards.js';
import { intercept } from './interceptors.js';
import { MessageExecutionContext } from './message-execution-context.js';
import type { Arguments, Parameters } from './parameters.js';

export interface DirectPipelineParts {
  readonly type: Type;
  readonly instance: object;
  readonly event: string;
  readonly handler: (...args: unknown[]) => unknown;
  readonly guards: readonly CanActivate[];
  readonly interceptors: readonly NestInterceptor[];
  readonly parameters: Parameters;
  /** In the order in which they are asked; none where the application has none: what is thrown is answered then. */
  readonly filters: readonly ExceptionFilter[];
}

/**
 * Guards, interceptors, pipes, handler and filters in the order in which Nest calls them, without a promise where
 * nothing is asynchronous.
 *
 * Nest's own chain makes a dozen promises per message even for a handler that has no enhancers at all, which is most
 * of what a gateway costs. What enhancers see here and in which order is the same
 * (`test/direct/parity.property.spec.ts`).
 */
export class DirectPipeline implements Pipeline {
  readonly #needsContext: boolean;

  constructor(private readonly parts: DirectPipelineParts) {
    const { guards, interceptors, parameters } = parts;
    this.#needsContext = guards.length > 0 || interceptors.length > 0 || parameters.needsContext;
  }

  run(connection: Connection, data: unknown, call: Call): unknown {
    const { event, filters } = this.parts;
    const args: Arguments = [connection, data, event, call, event];
    return filters.length === 0 ? this.#guard(args) : filtered(filters, args, () => this.#guard(args));
  }

  #guard(args: Arguments): unknown {
    if (!this.#needsContext) return this.#call(args, undefined);
    const { guards, type, handler } = this.parts;
    const context = new MessageExecutionContext(args, type, handler);
    const verdict = passes(guards, context);
    if (typeof verdict === 'boolean') return this.#intercept(verdict, args, context);
    return verdict.then((isPassed) => this.#intercept(isPassed, args, context));
  }

  #intercept(isPassed: boolean, args: Arguments, context: MessageExecutionContext): unknown {
    if (!isPassed) throw new WsException(FORBIDDEN_MESSAGE);
    const { interceptors } = this.parts;
    if (interceptors.length === 0) return this.#call(args, context);
    return intercept(interceptors, context, () => this.#call(args, context));
  }

  #call(args: Arguments, context: MessageExecutionContext | undefined): unknown {
    const { parameters, handler, instance } = this.parts;
    const values = parameters.valuesOf(args, context);
    return Array.isArray(values)
      ? handler.apply(instance, values)
      : values.then((ready) => handler.apply(instance, ready));
  }
}
