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

/** Undefined for other commands. */
export function readEviction(command: Uint8Array): Eviction | undefined {
  // Safe: nodes of Holdfast send commands, and what is not of this shape is none of these.
  const { evict, fence } = JSON.parse(Buffer.from(command).toString()) as { evict?: string; fence?: number };
  return evict === undefined || fence === undefined ? undefined : { session: evict, fence };
}
