import type { Type } from '@nestjs/common';
import { enhancerOf, type ProviderWrapper, readMetadata } from '../nest/index.js';

/** Guards, interceptors, pipes or filters. */
interface Kind<T> {
  readonly key: string;
  readonly globals: readonly T[];
  /** The method that makes an enhancer of its kind. */
  readonly name: keyof T & string;
}

/** In Nest's order. Undefined where one of them cannot be had without Nest. */
export function enhancers<T>(
  wrapper: ProviderWrapper,
  targets: readonly object[],
  { key, globals, name }: Kind<T>,
): T[] | undefined {
  const found = [...globals];
  for (const declared of targets.flatMap((target) => listOf(readMetadata(key, target)))) {
    const enhancer = instanceOf(declared, name, wrapper);
    if (enhancer === undefined) return undefined;
    // What has the method of an enhancer is one; Nest asks for no more.
    found.push(enhancer as T);
  }
  return found;
}

/** The enhancer that was declared as an instance or by its class; undefined where Nest alone knows what to do. */
export function instanceOf(declared: unknown, name: string, wrapper: ProviderWrapper): unknown {
  const enhancer = typeof declared === 'function' ? enhancerOf(wrapper, declared as Type) : declared;
  return isFunction(Reflect.get(Object(enhancer), name)) ? enhancer : undefined;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}
