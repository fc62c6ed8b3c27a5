import type { ArgumentMetadata, ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  DEFAULT_PARAM_ARGS,
  kindOf,
  PARAM_ARGS_METADATA,
  type ProviderWrapper,
  WsParam,
} from '../nest/index.js';
import { instanceOf, listOf } from './enhancers.js';
import { type HandlerParameter, Parameters } from './parameters.js';
import { quicken } from './quick-validation.js';

interface ParamEntry {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
  readonly schema?: ArgumentMetadata['schema'];
  readonly factory?: (data: unknown, context: ExecutionContext) => unknown;
}

export interface ParametersSource {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly method: string;
  /** Of the class, the method and the application; those of a parameter come after them. */
  readonly pipes: readonly PipeTransform[];
}

/** The parameters of a handler as its decorators describe them; undefined where they need Nest's own chain. */
export function parametersOf({ type, wrapper, method, pipes }: ParametersSource): Parameters | undefined {
  const declared: unknown = Reflect.getMetadata(PARAM_ARGS_METADATA, type, method) ?? DEFAULT_PARAM_ARGS;
  // Written by Nest's parameter decorators alone.
  const entries = Object.entries(declared as Record<string, ParamEntry>);
  const types = listOf(Reflect.getMetadata('design:paramtypes', type.prototype as object, method));
  const parameters = entries.map(([key, entry]) => {
    const extract = extractorOf(key, entry, declared === DEFAULT_PARAM_ARGS);
    const own = listOf(entry.pipes).map((pipe) => instanceOf(pipe, 'transform', wrapper));
    if (!extract || own.includes(undefined)) return undefined;
    const metadata: ArgumentMetadata = {
      type: kindOf(key) === WsParam.PAYLOAD ? 'body' : 'custom',
      // TypeScript wrote it down, and its values are constructors.
      metatype: types[entry.index] as ArgumentMetadata['metatype'],
      data: entry.data as string | undefined,
      schema: entry.schema,
    };
    const needsContext = key.includes(CUSTOM_ROUTE_ARGS_METADATA);
    const quickened = [...pipes, ...(own as PipeTransform[])].map((pipe) => quicken(pipe, metadata));
    return { index: entry.index, needsContext, extract, metadata, pipes: quickened };
  });
  return parameters.every((parameter) => parameter !== undefined) ? new Parameters(parameters) : undefined;
}

/** @param isDefault - nobody asked for an acknowledgement, and there is none to be given. */
function extractorOf(
  key: string,
  { data, factory }: ParamEntry,
  isDefault: boolean,
): HandlerParameter['extract'] | undefined {
  if (key.includes(CUSTOM_ROUTE_ARGS_METADATA))
    return factory && ((_args, context) => context && factory(data, context));
  const kind = kindOf(key);
  if (kind === WsParam.SOCKET) return ([connection]) => connection;
  if (kind === WsParam.ACK && isDefault) return () => undefined;
  if (kind !== WsParam.PAYLOAD) return undefined;
  if (typeof data !== 'string' || data === '') return ([, payload]) => payload;
  return ([, payload]) =>
    payload === undefined || payload === null ? undefined : (Reflect.get(Object(payload), data) as unknown);
}
