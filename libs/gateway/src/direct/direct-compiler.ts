import {
  type CanActivate,
  type ExceptionFilter,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import {
  EXCEPTION_FILTERS_METADATA,
  foreignFilters,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  isIntercepted,
  PIPES_METADATA,
  type ProviderWrapper,
  singletonOf,
} from '../nest/index.js';
import { DirectAdmission, type HandshakeHook } from './direct-admission.js';
import { DirectPipeline } from './direct-pipeline.js';
import { enhancers, isFunction } from './enhancers.js';
import { parametersOf } from './handler-parameters.js';

/** A handler as found by the explorer. */
export interface HandlerSource {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly method: string;
  readonly event: string;
}

/** What decides about the handshakes of a gateway. */
export interface AdmissionSource {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly instance: HandshakeHook;
  /** What guards see as the handler; its metadata is that of the hooks of the gateway. */
  readonly handler: (...args: never[]) => unknown;
  /** Whether guards have a say. */
  readonly isGuarded: boolean;
}

/** Finds the enhancers of gateways and handlers, and puts them together without Nest's own chain, where that can be. */
@Injectable()
export class DirectCompiler {
  constructor(private readonly config: ApplicationConfig) {}

  /**
   * @returns undefined for a handler that needs Nest's own chain: it has an acknowledgement, or something of it is made
   *   per request.
   */
  handler({ type, wrapper, method, event }: HandlerSource): DirectPipeline | undefined {
    const instance = singletonOf(wrapper);
    const handler: unknown = instance && Reflect.get(instance, method);
    if (!instance || !isFunction(handler)) return undefined;
    const { config } = this;
    const find = <T>(key: string, globals: readonly T[], name: keyof T & string): T[] | undefined =>
      enhancers(wrapper, [type, handler], { key, globals, name });
    const guards = find<CanActivate>(GUARDS_METADATA, config.getGlobalGuards(), 'canActivate');
    const interceptors = find<NestInterceptor>(INTERCEPTORS_METADATA, config.getGlobalInterceptors(), 'intercept');
    const pipes = find<PipeTransform>(PIPES_METADATA, config.getGlobalPipes(), 'transform');
    const parameters = pipes && parametersOf({ type, wrapper, method, pipes });
    const filters = this.#hasFilters(type, handler)
      ? find<ExceptionFilter>(EXCEPTION_FILTERS_METADATA, [], 'catch')
      : [];
    if (!guards || !interceptors || !parameters || !filters) return undefined;
    return new DirectPipeline({
      ...{ type, instance, event, handler, guards, interceptors, parameters },
      // Nest asks those of the method first, and the last of each first.
      filters: filters.reverse(),
    });
  }

  /** @returns undefined for a gateway whose handshakes need Nest's own chain: they are intercepted, or have filters. */
  admission({ type, wrapper, instance, handler, isGuarded }: AdmissionSource): DirectAdmission | undefined {
    const { config } = this;
    if (config.getGlobalInterceptors().length > 0 || isIntercepted(type, handler)) return undefined;
    if (this.#hasFilters(type, handler)) return undefined;
    if (!isGuarded) return new DirectAdmission({ instance, handler, guards: [] });
    const globals: readonly CanActivate[] = config.getGlobalGuards();
    const guards = enhancers(wrapper, [type, handler], { key: GUARDS_METADATA, globals, name: 'canActivate' });
    return guards && new DirectAdmission({ instance, handler, guards });
  }

  /** Whether the application has filters that handle an exception. */
  #hasFilters(...targets: readonly object[]): boolean {
    return this.config.getGlobalFilters().length > 0 || targets.some((target) => foreignFilters(target).length > 0);
  }
}
