import type { ArgumentMetadata, ExecutionContext, PipeTransform } from '@nestjs/common';
import { isThenable } from '../ground/index.js';
import type { MessageArguments } from '../nest/index.js';

/** What guards, interceptors, parameters and filters see of a message; one array for all of them, as in Nest. */
export type Arguments = [...MessageArguments, pattern: string];

/** Where one parameter of a handler comes from. */
export interface HandlerParameter {
  readonly index: number;
  /** Decorators of the application ask the context. */
  readonly needsContext: boolean;
  extract(args: Arguments, context: ExecutionContext | undefined): unknown;
  readonly metadata: ArgumentMetadata;
  readonly pipes: readonly PipeTransform[];
}

/** The parameters of a handler, and the pipes that each goes through. */
export class Parameters {
  readonly needsContext: boolean;
  readonly #arity: number;
  /**
   * Those whose value may still change: a decorator of the application may give a promise, even where no pipe waits for
   * it.
   */
  readonly #transformed: readonly HandlerParameter[];

  constructor(private readonly parameters: readonly HandlerParameter[]) {
    this.#arity = Math.max(0, ...parameters.map(({ index }) => index + 1));
    this.needsContext = parameters.some(({ needsContext }) => needsContext);
    this.#transformed = parameters.filter(({ pipes, needsContext }) => pipes.length > 0 || needsContext);
  }

  /** @returns a promise where a pipe is asynchronous or fails. */
  valuesOf(args: Arguments, context: ExecutionContext | undefined): unknown[] | Promise<unknown[]> {
    const values = new Array<unknown>(this.#arity).fill(undefined);
    // All of them before the first pipe: one that throws must not leave a pipe at work that nobody waits for, because
    // its rejection would end the process.
    for (const parameter of this.parameters) values[parameter.index] = parameter.extract(args, context);
    let pending: Promise<void>[] | undefined;
    for (const parameter of this.#transformed) {
      const transforming = transform(parameter, values);
      if (transforming) (pending ??= []).push(transforming);
    }
    return pending ? Promise.all(pending).then(() => values) : values;
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
