/**
 * Everything Holdfast uses of Nest that Nest does not promise to keep, in one place. Each line has its reason, and
 * `test/nest/internals.spec.ts` fails when Nest changes it.
 *
 * - Metadata keys of gateways, handlers, guards and filters: the decorators that write them are public, the names
 *   under which they do are not. Needed to know at boot who handles what.
 * - `REQUEST_CONTEXT_ID`: under this symbol Nest keeps the DI context of a client. Needed so that the guards of a
 *   request-scoped gateway run in the context in which its hooks and handlers will.
 * - `ExecutionContextHost`: what guards see of a handshake that does not run through Nest's own chain.
 * - `FORBIDDEN_MESSAGE`: all that tells a guard that returned false from any other WsException.
 * - That the socket module sets `forceCloseConnections` on its adapter before it binds the first gateway, see
 *   {@link HoldfastAdapter}. The setter is public; when it is called is not promised.
 * - What Nest's record of a provider says of scopes, and of the enhancers of its module (`provider-wrapper.ts`): needed
 *   to know whose instance is the same for all.
 * - The distance of a module from the root module (`boot-watch.ts`): the root is the last whose bootstrap hook is
 *   awaited.
 * - That Nest awaits `beforeClose` of the HTTP adapter before it destroys any provider (`before-close.ts`).
 * - What a ValidationPipe was made with, and where class-transformer, which it uses, keeps what its decorators say:
 *   needed to know which data that pipe lets pass as they are, see {@link quicken}.
 * - What a handler without parameter decorators is given (`DEFAULT_PARAM_ARGS`).
 */
import 'reflect-metadata';
import { type ArgumentMetadata, type PipeTransform, type Type, ValidationPipe } from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  EXCEPTION_FILTERS_METADATA,
  FILTER_CATCH_EXCEPTIONS,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/internal';
import { TransformationType, Type as TypeOf } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import type { ValidatorOptions } from 'class-validator';
import { ExecutionContextHost, FORBIDDEN_MESSAGE, REQUEST_CONTEXT_ID } from '@nestjs/core/internal';
import {
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PARAM_ARGS_METADATA,
  PORT_METADATA,
} from '@nestjs/websockets/internal';

export {
  CUSTOM_ROUTE_ARGS_METADATA,
  EXCEPTION_FILTERS_METADATA,
  ExecutionContextHost,
  FILTER_CATCH_EXCEPTIONS,
  FORBIDDEN_MESSAGE,
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PARAM_ARGS_METADATA,
  PIPES_METADATA,
  PORT_METADATA,
  REQUEST_CONTEXT_ID,
};

/** Kinds of parameters, as `@ConnectedSocket()`, `@MessageBody()` and `@Ack()` number them in their metadata. */
export const WsParam = { SOCKET: 0, PAYLOAD: 3, ACK: 13 } as const;

/**
 * What Nest takes the parameters of a handler for that has no parameter decorators: `(client, data)`, and the
 * acknowledgement of another platform.
 */
export const DEFAULT_PARAM_ARGS = {
  [`${WsParam.ACK}:2`]: { index: 2 },
  [`${WsParam.PAYLOAD}:1`]: { index: 1 },
  [`${WsParam.SOCKET}:0`]: { index: 0 },
} as const;

/** Reads metadata whose shape the caller checks. */
export function readMetadata(key: string | symbol, target: object): unknown {
  return Reflect.getMetadata(key, target) as unknown;
}

/** Whether a handler is given an acknowledgement function, by which it answers. */
export function takesAcknowledgement(type: object, method: string): boolean {
  const declared: unknown = Reflect.getMetadata(PARAM_ARGS_METADATA, type, method);
  return (
    typeof declared === 'object' &&
    declared !== null &&
    Object.keys(declared).some((key) => kindOf(key) === WsParam.ACK)
  );
}

/** Whether a gateway or its handler declares interceptors of its own. */
export function isIntercepted(...targets: readonly object[]): boolean {
  return targets.some((target) => readMetadata(INTERCEPTORS_METADATA, target) !== undefined);
}

/** The kind of a parameter by its key in the metadata, see {@link WsParam}. */
export function kindOf(key: string): number {
  return Number(key.split(':', 1)[0]);
}

/** Makes `target` look like `source` to guards and reflectors. */
export function copyMetadata(source: object, target: object): void {
  for (const key of Reflect.getMetadataKeys(source)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, source), target);
  }
}

/** What a ValidationPipe was made with. */
export interface ValidationPipeSettings {
  readonly isTransformEnabled: boolean;
  readonly transformOptions: object | undefined;
  readonly validatorOptions: ValidatorOptions;
  readonly expectedType: Type | undefined;
  /** Whether it looks at such a parameter at all. */
  toValidate(metadata: ArgumentMetadata): boolean;
}

/** Undefined for anything but Nest's own class as it is: what was derived from it may do anything. */
export function readValidationPipe(pipe: PipeTransform): ValidationPipeSettings | undefined {
  const methods = Object.getOwnPropertyNames(ValidationPipe.prototype).filter((name) => name !== 'constructor');
  return Object.getPrototypeOf(pipe) === ValidationPipe.prototype && !methods.some((name) => Object.hasOwn(pipe, name))
    ? // Its members are protected: Nest promises them to derived classes alone.
      (pipe as unknown as ValidationPipeSettings)
    : undefined;
}

class Probe {
  declare value: unknown;
}
TypeOf(() => String)(Probe.prototype, 'value');
/** Not in a bundle that holds class-transformer twice, as ES modules and as what is imported here. */
const isStorageInUse = isTyped(Probe, 'value');

/** Whether class-transformer may do more to plain properties of a class than copy them. */
export function isTransformed(type: Type, properties: Iterable<string>): boolean {
  const storage = defaultMetadataStorage;
  if (!isStorageInUse || storage.getStrategy(type) !== 'none') return true;
  if (storage.getExposedMetadatas(type).length > 0 || storage.getExcludedMetadatas(type).length > 0) return true;
  for (const property of properties) {
    if (isTyped(type, property)) return true;
    for (const direction of [TransformationType.PLAIN_TO_CLASS, TransformationType.CLASS_TO_PLAIN])
      if (storage.findTransformMetadatas(type, property, direction).length > 0) return true;
  }
  return false;
}

function isTyped(type: Type, property: string): boolean {
  // The types of the package do not say that there may be none.
  return Boolean(defaultMetadataStorage.findTypeMetadata(type, property));
}
