import { HoldfastError } from './holdfast-error.js';

/** @param remedy - what to do instead. */
export function unsupported(what: string, remedy: string): HoldfastError {
  return new HoldfastError('UNSUPPORTED', `${what} does not exist in Holdfast: ${remedy}`);
}

/**
 * Gives a class the methods that code written for another library calls, each of which throws what to do instead:
 * `undefined is not a function` says nothing, and a method that does nothing says less.
 *
 * @param remedies - what to do instead, by name of the method.
 */
export function refuseMethods(
  type: { readonly name: string; readonly prototype: object },
  remedies: Readonly<Record<string, string>>,
): void {
  for (const [method, remedy] of Object.entries(remedies)) {
    Object.defineProperty(type.prototype, method, {
      configurable: true,
      writable: true,
      value: () => {
        throw unsupported(`${type.name}.${method}()`, remedy);
      },
    });
  }
}

/** The same for properties: assigning to them throws, and they read as `value`. */
export function refuseAssignment(
  type: { readonly name: string; readonly prototype: object },
  value: unknown,
  remedies: Readonly<Record<string, string>>,
): void {
  for (const [property, remedy] of Object.entries(remedies)) {
    Object.defineProperty(type.prototype, property, {
      configurable: true,
      get: () => value,
      set: () => {
        throw unsupported(`${type.name}.${property}`, remedy);
      },
    });
  }
}
