import type { ArgumentMetadata, CanActivate, ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Connection } from '../connection/index.js';
import type { Pipeline } from '../dispatch/index.js';
import { type Call, FORBIDDEN_MESSAGE, type MessageArguments } from '../nest/index.js';
import { isThenable } from '../ground/index.js';
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
export class DirectPipeline implements Pipeline {
  readonly #arity: number;
  readonly #needsContext: boolean;
  /**
   * Those whose value may still change: a decorator of the application may give a promise, even where no pipe waits for
   * it.
   */
  readonly #transformed: readonly HandlerParameter[];

  constructor(private readonly parts: DirectPipelineParts) {
    this.#arity = Math.max(0, ...parts.parameters.map(({ index }) => index + 1));
    this.#needsContext = parts.parameters.some(({ needsContext }) => needsContext);
    this.#transformed = parts.parameters.filter(({ pipes, needsContext }) => pipes.length > 0 || needsContext);
  }

  run(connection: Connection, data: unknown, call: Call): unknown {
    const { guards, event, type, handler } = this.parts;
    const args: Arguments = [connection, data, event, call, event];
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
    // All of them before the first pipe: one that throws must not leave a pipe at work that nobody waits for, because
    // its rejection would end the process.
    for (const parameter of parameters) values[parameter.index] = parameter.extract(args, context);
    let pending: Promise<void>[] | undefined;
    for (const parameter of this.#transformed) {
      const transforming = transform(parameter, values);
      if (transforming) (pending ??= []).push(transforming);
    }
    return pending ? Promise.all(pending).then(() => handler.apply(instance, values)) : handler.apply(instance, values);
  }
}

/**
 * @returns undefined when all pipes have answered at once. One that throws rejects, as in Nest, where all are
 * asynchronous.
 */
function transform(parameter: HandlerParameter, values: unknown[]): Promise<void> | undefined {
  const { pipes, metadata, index } = parameter;
  let value = values[index];
  try {
    for (let next = 0; next < pipes.length; next++) {
      if (isThenable(value)) return transformLater(parameter, values, value, next);
      value = pipes[next]?.transform(value, metadata);
    }
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a pipe may throw anything
    return transformLater(parameter, values, Promise.reject(error), pipes.length);
  }
  if (isThenable(value)) return transformLater(parameter, values, value, pipes.length);
  values[index] = value;
  return undefined;
}

async function transformLater(
  { pipes, metadata, index }: HandlerParameter,
  values: unknown[],
  pending: PromiseLike<unknown>,
  from: number,
): Promise<void> {
  let value = await pending;
  for (const pipe of pipes.slice(from)) value = await pipe.transform(value, metadata);
  values[index] = value;
}
