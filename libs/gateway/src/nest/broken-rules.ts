/** As much of class-validator's `ValidationError` as may be told: it also holds what was sent. */
interface BrokenProperty {
  readonly property?: unknown;
  readonly constraints?: unknown;
  readonly children?: unknown;
}

/**
 * The lines that ValidationPipe writes, from the raw `ValidationError`s that a handler or an `exceptionFactory` throws.
 * Those hold the whole object that was validated, so they must not go back to the peer as they are.
 *
 * @returns undefined for anything else.
 */
export function brokenRules(value: unknown, path = ''): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isBrokenProperty)) return undefined;
  return value.flatMap(({ property, constraints, children }) => {
    // ValidationPipe writes the path in front of the line, which names the property itself.
    const own = Object.values(Object(constraints) as object).map((line) => path + String(line));
    return [...own, ...(brokenRules(children, `${path}${String(property)}.`) ?? [])];
  });
}

function isBrokenProperty(value: unknown): value is BrokenProperty {
  return (
    typeof value === 'object' &&
    value !== null &&
    'property' in value &&
    ('constraints' in value || 'children' in value)
  );
}
