import type { ArgumentMetadata, CanActivate, ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Connection } from '../connection/connection.js';
import type { MessageArguments } from './handler-plan.js';
import { FORBIDDEN_MESSAGE } from '../module/nest-internals.js';
import { isThenable } from './is-thenable.js';
import type { Invocation } from './invocation.js';
import { MessageExecutionContext } from './message-execution-context.js';

type Arguments = readonly [...MessageArguments, pattern: string];

/** Where one parameter of a handler comes from. */
export interface HandlerParameter {
  readonly index: number;
  /** Decorators of the application ask the context. */
  readonly needsContext: boolean;
  extract(args: Arguments, context: ExecutionContext | undefined): unknown;
  readonly metadata: ArgumentMetadata;
  readonly pipes: readonly PipeTransform[];
}

export interface DirectPipelineParts {
  readonly type: Type;
  readonly instance: object;
  readonly event: string;
  readonly handler: (...args: unknown[]) => unknown;
  readonly guards: readonly CanActivate[];
  readonly parameters: readonly HandlerParameter[];
}

/**
 * Guards, pipes and handler in the order in which Nest calls them, without a promise where nothing is asynchronous.
 *
 * Nest's own chain makes a dozen promises per message even for a handler that has no enhancers at all, which is most
 * of what a gateway costs. This one is used for handlers that need nothing else from the chain (see
 * `handler-compiler.ts`); what they see and in which order is the same (`test/dispatch-parity.e2e.spec.ts`).
 */
export class DirectPipeline {
  readonly #arity: number;
  readonly #needsContext: boolean;

  constructor(private readonly parts: DirectPipelineParts) {
    this.#arity = Math.max(0, ...parts.parameters.map(({ index }) => index + 1));
    this.#needsContext = parts.parameters.some(({ needsContext }) => needsContext);
  }

  /** @returns what the handler returned, or a promise of it where a guard, a pipe or the handler is asynchronous. */
  run(connection: Connection, data: unknown, invocation: Invocation): unknown {
    const { guards, event, type, handler } = this.parts;
    const args: Arguments = [connection, data, event, invocation, event];
    if (guards.length === 0 && !this.#needsContext) return this.#call(args, undefined);
    const context = new MessageExecutionContext(args, type, handler);
    for (let index = 0; index < guards.length; index++) {
      const verdict = guards[index]?.canActivate(context);
      if (typeof verdict !== 'boolean') return this.#guardLater(args, context, index, verdict);
      if (!verdict) throw new WsException(FORBIDDEN_MESSAGE);
    }
    return this.#call(args, context);
  }

  async #guardLater(
    args: Arguments,
    context: ExecutionContext,
    from: number,
    first: Promise<boolean> | Observable<boolean> | undefined,
  ): Promise<unknown> {
    let pending: boolean | Promise<boolean> | Observable<boolean> | undefined = first;
    for (let index = from; index < this.parts.guards.length; index++) {
      if (index > from) pending = this.parts.guards[index]?.canActivate(context);
      const verdict =
        typeof pending === 'object' && 'subscribe' in pending ? await lastValueFrom(pending) : await pending;
      if (!verdict) throw new WsException(FORBIDDEN_MESSAGE);
    }
    return this.#call(args, context);
  }

  #call(args: Arguments, context: ExecutionContext | undefined): unknown {
    const { parameters, handler, instance } = this.parts;
    const values = new Array<unknown>(this.#arity).fill(undefined);
    // All of them before the first pipe: one that throws must not leave a pipe at work that nobody waits for, because its
    // rejection would end the process.
    for (const parameter of parameters) values[parameter.index] = parameter.extract(args, context);
    const pending = parameters
      .filter(({ pipes }) => pipes.length > 0)
      .map((parameter) => transform(parameter, values[parameter.index], values));
    if (pending.length === 0) return handler.apply(instance, values);
    const piped = pending.length === 1 && pending[0] ? pending[0] : Promise.all(pending);
    return (piped as Promise<unknown>).then(() => handler.apply(instance, values));
  }
}

async function transform(parameter: HandlerParameter, value: unknown, values: unknown[]): Promise<void> {
  let result: unknown = isThenable(value) ? await value : value;
  for (const pipe of parameter.pipes) {
    const transformed: unknown = pipe.transform(result, parameter.metadata);
    result = isThenable(transformed) ? await transformed : transformed;
  }
  values[parameter.index] = result;
}
