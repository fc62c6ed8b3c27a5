/** Turns the result of a synchronous call into a promise, and what it throws into a rejection. */
export function promised<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => resolve(call()));
}
