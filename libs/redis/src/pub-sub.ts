import { chunks } from './chunks.js';
import { slotOfKey } from './slots.js';

/** Channels of one command. */
const mostChannels = 512;

/** One of the two kinds of pub/sub that Redis has. @publicApi */
export interface PubSub {
  /** The command that publishes, also in scripts. */
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  readonly subscribe: 'SUBSCRIBE' | 'SSUBSCRIBE';
  /** Channels by the command to subscribe to them, or to end that. */
  groups(channels: readonly string[]): string[][];
}

/** Of one server: a channel has nothing to do with the keys. */
export const plainPubSub: PubSub = {
  publish: 'PUBLISH',
  subscribe: 'SUBSCRIBE',
  groups: (channels) => chunks(channels, mostChannels),
};

/**
 * Of a cluster: a channel belongs to a slot as a key does, and only the master of the slot delivers. With the other
 * kind each message would go to each server. Channels of one command have to be in one slot.
 */
export const shardedPubSub: PubSub = {
  publish: 'SPUBLISH',
  subscribe: 'SSUBSCRIBE',
  groups: (channels) => [...bySlot(channels).values()].flatMap((some) => chunks(some, mostChannels)),
};

export function bySlot(channels: Iterable<string>): Map<number, string[]> {
  const slots = new Map<number, string[]>();
  for (const channel of channels) {
    const slot = slotOfKey(channel);
    const others = slots.get(slot);
    if (others) others.push(channel);
    else slots.set(slot, [channel]);
  }
  return slots;
}
