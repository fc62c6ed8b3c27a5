import { SetMetadata } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA, FILTER_CATCH_EXCEPTIONS, readMetadata } from './internals.js';

const markOfOurs = Symbol('holdfast:filter');

/** Marks the filter that Holdfast adds to every gateway, so that it is told from those of the application. */
export const OwnFilter = (): ClassDecorator => SetMetadata(markOfOurs, true);

/** Filters declared on a gateway class or one of its methods. */
export function filtersOf(target: object): unknown[] {
  const filters = readMetadata(EXCEPTION_FILTERS_METADATA, target);
  return Array.isArray(filters) ? filters : [];
}

/** Those of the application among them. */
export function foreignFilters(target: object): unknown[] {
  return filtersOf(target).filter((filter) => !isOurs(filter));
}

/** A class that the application derives from ours is its own; an instance of one does what ours does. */
function isOurs(filter: unknown): boolean {
  if (typeof filter === 'function') return Reflect.hasOwnMetadata(markOfOurs, filter);
  return typeof filter === 'object' && filter !== null && readMetadata(markOfOurs, filter.constructor) === true;
}

/** Whether a filter catches an exception, by what its `@Catch()` says; without types, or without it, it catches all. */
export function catches(filter: object, exception: unknown): boolean {
  const types =
    readMetadata(FILTER_CATCH_EXCEPTIONS, filter) ?? readMetadata(FILTER_CATCH_EXCEPTIONS, filter.constructor);
  if (!Array.isArray(types)) return true;
  return types.length === 0 || types.some((type) => typeof type === 'function' && exception instanceof type);
}
