import { GUARDS_METADATA, readMetadata } from '../nest/index.js';

/** Names of the guards that each message and handshake of a gateway has to pass. */
export function guardsOf(type: object, globals: readonly object[]): string[] {
  const declared = readMetadata(GUARDS_METADATA, type);
  const own: readonly unknown[] = Array.isArray(declared) ? declared : [];
  return [...globals, ...own].map((guard) =>
    typeof guard === 'function' ? guard.name : (guard as object).constructor.name,
  );
}

/** The line of the log about a gateway that is served. */
export function describeGateway(
  name: string,
  { path, port }: { readonly path: string; readonly port: number },
  format: string | undefined,
  guards: readonly string[],
): string {
  const place = port === 0 ? path : `${path} on port ${port}`;
  const guarded = guards.length === 0 ? 'no guards' : `guards: ${guards.join(', ')}`;
  return `${name} serves ${place} (format: ${format ?? 'holdfast'}; ${guarded})`;
}

/** A warning for a gateway that anybody can use although the application can verify tokens. */
export function unguardedWarning(name: string): string {
  return (
    `${name} has no guard, although auth is configured: anybody can connect and send. ` +
    'Put @UseGuards(AuthGuard) on it or provide AuthGuard as APP_GUARD; if it is meant to be public, mark it @Public()'
  );
}
