/** A session was claimed for another connection: the one that had it before is to end. */
export interface Eviction {
  readonly session: string;
  /** Of the claim. What owns the session by a later claim stays. */
  readonly fence: number;
}

/** As a command to the node of that connection. */
export function evictionCommand({ session, fence }: Eviction): Uint8Array {
  return Buffer.from(JSON.stringify({ evict: session, fence }));
}

/** Undefined for whatever else has come: an engine must never be thrown at. */
export function readEviction(command: Uint8Array): Eviction | undefined {
  try {
    // Safe: each member is checked.
    const { evict, fence } = JSON.parse(Buffer.from(command).toString()) as { evict?: unknown; fence?: unknown };
    return typeof evict === 'string' && typeof fence === 'number' ? { session: evict, fence } : undefined;
  } catch {
    return undefined;
  }
}
