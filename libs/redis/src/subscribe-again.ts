import { LinkError } from './link.js';
import type { PubSub } from './pub-sub.js';

export interface SubscribeAgainParts {
  readonly pubSub: PubSub;
  /** Those that are to be subscribed. What belongs to another server by now is taken out. */
  readonly channels: Set<string>;
  /** @throws LinkError */
  readonly subscribe: (channels: string[]) => Promise<unknown>;
  /** Some belong to another server by now. */
  readonly moved: () => void;
}

/** Subscribes on a new connection to what the last one had. @throws LinkError when the connection is lost, too */
export async function subscribeAgain({ pubSub, channels, subscribe, moved }: SubscribeAgainParts): Promise<void> {
  const again = async (some: string[]): Promise<void> => {
    try {
      await subscribe(some);
    } catch (error) {
      if (!(error instanceof LinkError) || error.kind !== 'reply') throw error;
      for (const channel of some) channels.delete(channel);
      moved();
    }
  };
  await Promise.all(pubSub.groups([...channels]).map(again));
}
