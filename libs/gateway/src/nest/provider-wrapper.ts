import type { Type } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';

/**
 * Nest's record of a provider. That there is one, DiscoveryService says; what it tells of scopes and of the enhancers
 * of a module, Nest does not promise, and `provider-wrapper.spec.ts` fails when it changes.
 */
export type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** The instance of a provider that is the same for all; undefined where one is made per request, or none is known. */
export function singletonOf(wrapper: ProviderWrapper): object | undefined {
  return wrapper.isDependencyTreeStatic() ? objectOf(wrapper.instance) : undefined;
}

/**
 * The instance that Nest has made of an enhancer class for the module of a provider: another module may have another
 * one.
 *
 * @returns undefined where it is not the same for all, or Nest has made none.
 */
export function enhancerOf({ host }: ProviderWrapper, type: Type): object | undefined {
  const injectable = host?.injectables.get(type);
  return injectable && !injectable.isTransient ? singletonOf(injectable) : undefined;
}

function objectOf(instance: unknown): object | undefined {
  return typeof instance === 'object' && instance !== null ? instance : undefined;
}
