import type { ExecutionContext, Type } from '@nestjs/common';

interface Target {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly handler: () => unknown;
  readonly gateway: Type;
}

/** What a guard is given, made of nothing but the public interface. */
export function executionContext({ type, args, handler, gateway }: Target): ExecutionContext {
  /* eslint-disable @typescript-eslint/no-unnecessary-type-parameters --
     Nest's interface promises whatever type the caller names; here it is whatever the test put in. */
  const at = <T>(index: number): T => args[index] as T;
  return {
    getClass: <T>() => gateway as Type<T>,
    getHandler: () => handler,
    getArgs: <T extends unknown[]>() => [...args] as T,
    getArgByIndex: at,
    getType: <T extends string>() => type as T,
    switchToWs: () => ({ getClient: () => at(0), getData: () => at(1), getPattern: () => '$connect' }),
    switchToHttp: () => ({ getRequest: () => at(0), getResponse: () => at(1), getNext: () => at(2) }),
    switchToRpc: () => ({ getData: () => at(0), getContext: () => at(1) }),
  };
}
