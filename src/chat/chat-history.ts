import { Injectable } from '@nestjs/common';
import { type RoomHistory, Rooms } from '@holdfast/gateway';

/** What somebody has said. */
export interface Said {
  readonly name: string;
  readonly text: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** How much a newcomer is shown. */
const recently = 20;

/** The policy of the rooms that people talk in. */
export const talkPolicy = { pattern: 'chat/:room', history: { size: 500, ttlMs: 3_600_000 } };

export const talkIn = (room: string): string => `chat/${room}`;

/** What was said, for those who were not there. */
@Injectable()
export class ChatHistory {
  constructor(private readonly rooms: Rooms<{ said: Said }>) {}

  /** What was said last, with the offsets by which a client knows what it has. */
  async recent(room: string): Promise<(Said & { offset: number })[]> {
    const position = await this.rooms.position(talkIn(room));
    if (!position) return [];
    const since = { epoch: position.epoch, offset: Math.max(0, position.offset - recently) };
    const read = await this.rooms.history(talkIn(room), { since, limit: recently });
    if (!read.recovered) return [];
    // Safe: nothing else is published there.
    return read.publications.map(({ offset, data }) => ({ offset, ...(data as Said) }));
  }

  /** Everything after a position, or why that is not known. */
  since(room: string, since: { readonly epoch: string; readonly offset: number }): Promise<RoomHistory> {
    return this.rooms.history(talkIn(room), { since });
  }
}
