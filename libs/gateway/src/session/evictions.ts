/** A session was claimed for another connection: the one that had it before is to end. */
export interface Eviction {
  readonly session: string;
  /** Of the claim. What owns the session by a later claim stays. */
  readonly fence: number;
}

/** The command to the node of that connection. */
export const evict = 'evict';

/** Undefined for whatever else another node has sent. */
export function readEviction(data: unknown): Eviction | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { session, fence }: { session?: unknown; fence?: unknown } = data;
  return typeof session === 'string' && typeof fence === 'number' ? { session, fence } : undefined;
}
