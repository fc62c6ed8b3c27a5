/** In place of http-refusal.ts for bundles of browsers, which do not show why a handshake was refused. */
export function onHttpRefusal(): void {
  // There is nothing to tell.
}
