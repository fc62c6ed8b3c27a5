/** Makes a call by promise: what it throws is a rejection. */
export function promised<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => resolve(call()));
}
