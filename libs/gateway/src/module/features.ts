import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { FEATURE_METADATA, type ObserverPlace } from '../connection/index.js';
import { type ReceivesFrames, ReservedFrames } from '../dispatch/index.js';
import { LinkObservers } from '../lifecycle/index.js';
import { type ProviderWrapper, readMetadata } from '../nest/index.js';

/** Finds the features of the gateway: providers of any module that are marked `@GatewayFeature()`. */
@Injectable()
export class Features {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly observers: LinkObservers,
    private readonly frames: ReservedFrames,
  ) {}

  /** Called once, when all providers have been made. */
  register(): void {
    for (const wrapper of this.discovery.getProviders()) {
      const place = placeOf(wrapper);
      const feature: unknown = place && wrapper.instance;
      if (!place || typeof feature !== 'object' || feature === null) continue;
      // Whatever is marked as a feature may have any of these members, and has to have none.
      const { reservedFrames = {}, reservedMessages = {} } = feature as ReceivesFrames;
      this.observers.register(place, feature);
      for (const [event, receiver] of Object.entries(reservedFrames)) this.frames.register(event, receiver);
      for (const [event, read] of Object.entries(reservedMessages)) this.frames.registerMessage(event, read);
    }
  }
}

/** What a factory makes, or a test puts in its place, is known by its token; the rest by its class. */
function placeOf({ token, metatype }: ProviderWrapper): ObserverPlace | undefined {
  for (const candidate of [token, metatype]) {
    if (typeof candidate !== 'function') continue;
    const place = readMetadata(FEATURE_METADATA, candidate);
    // Written by the decorator alone.
    if (place !== undefined) return place as ObserverPlace;
  }
  return undefined;
}
