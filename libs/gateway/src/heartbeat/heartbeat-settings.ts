export interface HeartbeatSettings {
  /** 0 or Infinity: there is no heartbeat. */
  readonly intervalMs: number;
  readonly missedBeats: number;
}

/** What a client is told of the heartbeat, so that it notices our death by the same rule (PROTOCOL.md 8.5). */
export interface HeartbeatAnnouncement {
  /** 0: there is none. */
  readonly intervalMs: number;
  readonly graceMs: number;
}

export function hasHeartbeat({ intervalMs }: HeartbeatSettings): boolean {
  return intervalMs > 0 && intervalMs < Infinity;
}

export function announcementOf(settings: HeartbeatSettings): HeartbeatAnnouncement {
  const { intervalMs, missedBeats } = settings;
  // JSON has no Infinity.
  return hasHeartbeat(settings) ? { intervalMs, graceMs: intervalMs * missedBeats } : { intervalMs: 0, graceMs: 0 };
}
