import type { ArgumentMetadata, CanActivate, ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { DirectAdmission, type HandshakeHook } from './direct-admission.js';
import { DirectPipeline, type HandlerParameter } from './direct-pipeline.js';
import { quicken } from './quick-validation.js';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  enhancerOf,
  foreignFilters,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  kindOf,
  PARAM_ARGS_METADATA,
  PIPES_METADATA,
  type ProviderWrapper,
  readMetadata,
  singletonOf,
  WsParam,
} from '../nest/index.js';

/** A handler as found by the explorer. */
export interface HandlerSource {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly method: string;
  readonly event: string;
}

interface ParamEntry {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
  readonly schema?: ArgumentMetadata['schema'];
  readonly factory?: (data: unknown, context: ExecutionContext) => unknown;
}

/**
 * Makes a {@link DirectPipeline} of a handler, or returns undefined for one that needs Nest's own chain: because it has
 * interceptors, filters of the application, an acknowledgement, or enhancers that are made per request.
 */
export function compileHandler(
  { type, wrapper, method, event }: HandlerSource,
  config: ApplicationConfig,
): DirectPipeline | undefined {
  const instance = singletonOf(wrapper);
  if (!instance) return undefined;
  const handler: unknown = Reflect.get(instance, method);
  if (!isFunction(handler) || needsNest(type, handler, config)) return undefined;
  const guards = guardsOf(type, handler, wrapper, config);
  const pipes = enhancers<PipeTransform>(
    [type, handler],
    PIPES_METADATA,
    config.getGlobalPipes(),
    'transform',
    wrapper,
  );
  const parameters = pipes && parametersOf(type, method, pipes, wrapper);
  return guards && parameters && new DirectPipeline({ type, instance, event, handler, guards, parameters });
}

/** What decides about the handshakes of a gateway. */
export interface AdmissionSource {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly instance: HandshakeHook;
  /** What guards see as the handler; its metadata is that of the hooks of the gateway. */
  readonly handler: (...args: never[]) => unknown;
}

/**
 * Makes a {@link DirectAdmission} of a gateway, or returns undefined for one whose handshakes need Nest's own chain.
 */
export function compileAdmission(
  { type, wrapper, instance, handler }: AdmissionSource,
  config: ApplicationConfig,
): DirectAdmission | undefined {
  const guards = needsNest(type, handler, config) ? undefined : guardsOf(type, handler, wrapper, config);
  return guards && new DirectAdmission({ instance, handler, guards });
}

function guardsOf(
  type: Type,
  handler: object,
  wrapper: ProviderWrapper,
  config: ApplicationConfig,
): CanActivate[] | undefined {
  return enhancers([type, handler], GUARDS_METADATA, config.getGlobalGuards(), 'canActivate', wrapper);
}

function needsNest(type: Type, handler: object, config: ApplicationConfig): boolean {
  const isDeclared = (key: string): boolean =>
    [type, handler].some((target) => readMetadata(key, target) !== undefined);
  return (
    config.getGlobalInterceptors().length > 0 ||
    config.getGlobalFilters().length > 0 ||
    isDeclared(INTERCEPTORS_METADATA) ||
    [type, handler].some((target) => foreignFilters(target).length > 0)
  );
}

/** Undefined where one of them cannot be had without Nest. */
function enhancers<T>(
  targets: readonly object[],
  key: string,
  globals: readonly T[],
  method: string,
  wrapper: ProviderWrapper,
): T[] | undefined {
  const found = [...globals];
  for (const declared of targets.flatMap((target) => listOf(readMetadata(key, target)))) {
    const enhancer = instanceOf(declared, method, wrapper);
    if (enhancer === undefined) return undefined;
    // What has the method of an enhancer is one; Nest asks for no more.
    found.push(enhancer as T);
  }
  return found;
}

function instanceOf(declared: unknown, method: string, wrapper: ProviderWrapper): unknown {
  const enhancer = typeof declared === 'function' ? enhancerOf(wrapper, declared as Type) : declared;
  return isFunction(Reflect.get(Object(enhancer), method)) ? enhancer : undefined;
}

function parametersOf(
  type: Type,
  method: string,
  pipes: readonly PipeTransform[],
  wrapper: ProviderWrapper,
): HandlerParameter[] | undefined {
  const declared: unknown = Reflect.getMetadata(PARAM_ARGS_METADATA, type, method);
  // What a handler without parameter decorators is given is Nest's to say.
  if (declared === undefined) return undefined;
  // Written by Nest's parameter decorators alone.
  const entries = Object.entries(declared as Record<string, ParamEntry>);
  const types = listOf(Reflect.getMetadata('design:paramtypes', type.prototype as object, method));
  const parameters = entries.map(([key, entry]) => {
    const extract = extractorOf(key, entry);
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
  return parameters.every((parameter) => parameter !== undefined) ? parameters : undefined;
}

function extractorOf(key: string, { data, factory }: ParamEntry): HandlerParameter['extract'] | undefined {
  if (key.includes(CUSTOM_ROUTE_ARGS_METADATA))
    return factory && ((_args, context) => context && factory(data, context));
  const kind = kindOf(key);
  if (kind === WsParam.SOCKET) return ([connection]) => connection;
  if (kind !== WsParam.PAYLOAD) return undefined;
  if (typeof data !== 'string' || data === '') return ([, payload]) => payload;
  return ([, payload]) =>
    payload === undefined || payload === null ? undefined : (Reflect.get(Object(payload), data) as unknown);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}
