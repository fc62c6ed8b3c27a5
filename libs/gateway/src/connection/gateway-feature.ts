import { type CustomDecorator, SetMetadata } from '@nestjs/common';

/**
 * The order in which observers hear of a link, and so of its end. Before the first of them, what waits to be handled
 * was dropped, streams and handlers were cancelled, and timers and the place among the connections were given back.
 */
export const observerPlaces = [
  /** What is counted is right before anybody can look. */
  'census',
  /** A link that ends is not asked for an answer to a heartbeat, nor for a fresh token. */
  'heartbeat',
  'expiry',
  'limits',
  /**
   * A member leaves its rooms before its session remembers which they were left with, and presence tells of it last.
   */
  'rooms',
  'session',
  'presence',
  /** The verdict looks at what the features before it have left. */
  'diagnosis',
  /** Features of others. */
  'feature',
  /** The application is told of the end: after this, no index finds the connection. */
  'registry',
  /** Disconnect hooks. After them `signal` aborts and the socket is let go. */
  'closing',
] as const;

/** Where in the order of {@link observerPlaces} an observer stands. */
export type ObserverPlace = (typeof observerPlaces)[number];

export const FEATURE_METADATA = Symbol('holdfast:feature');

/**
 * Marks a provider as a feature of the gateway: its methods of {@link LinkObserver} are called for every link, and the
 * frames it names in `reservedFrames` go to it (see `ReservedFrames`). HoldfastModule finds it in any module.
 *
 * @param place - where it stands among the observers. Default `feature`.
 */
export function GatewayFeature(place: ObserverPlace = 'feature'): CustomDecorator<symbol> & ClassDecorator {
  return SetMetadata(FEATURE_METADATA, place);
}
