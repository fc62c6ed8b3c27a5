/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters, @typescript-eslint/no-unsafe-function-type --
   the signatures are those of Nest's ExecutionContext */
import type { ExecutionContext, Type } from '@nestjs/common';
import type { Arguments } from './parameters.js';

type HttpHost = ReturnType<ExecutionContext['switchToHttp']>;
type RpcHost = ReturnType<ExecutionContext['switchToRpc']>;
type WsHost = ReturnType<ExecutionContext['switchToWs']>;

/** What guards, interceptors and parameter decorators see of a message: the same as Nest shows them. */
export class MessageExecutionContext implements ExecutionContext {
  constructor(
    private readonly args: Arguments,
    private readonly type: Type,
    private readonly handler: Function,
  ) {}

  getClass<T>(): Type<T> {
    // The caller says what class it expects, as with Nest's own context.
    return this.type as Type<T>;
  }

  getHandler(): Function {
    return this.handler;
  }

  getArgs<T extends unknown[]>(): T {
    // As above: the caller's word.
    return this.args as unknown[] as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.args[index] as T;
  }

  getType<T extends string>(): T {
    return 'ws' as T;
  }

  switchToWs(): WsHost {
    const [client, data, , , pattern] = this.args;
    return { getClient: <T>() => client as T, getData: <T>() => data as T, getPattern: () => pattern };
  }

  switchToHttp(): HttpHost {
    const at =
      (index: number) =>
      <T>(): T =>
        this.getArgByIndex<T>(index);
    // A guard that was written for HTTP sets headers of the response, which is the data, if there is any.
    const getResponse = <T>(): T => (this.args[1] ?? {}) as T;
    return { getRequest: at(0), getResponse, getNext: at(2) };
  }

  switchToRpc(): RpcHost {
    return { getData: <T>() => this.getArgByIndex<T>(0), getContext: <T>() => this.getArgByIndex<T>(1) };
  }
}
