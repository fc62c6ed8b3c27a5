/**
 * What packages of Holdfast build features of the gateway with. Applications have no use for it, and nothing here is
 * promised to stay: `docs/architecture.md` says how a feature is added.
 */
export { GatewayFeature, type ObserverPlace, observerPlaces } from './connection/gateway-feature.js';
export { Link, type LinkObserver } from './connection/link.js';
export { type Lane, type Phase } from './connection/link-facts.js';
export { LinkField } from './connection/link-field.js';
export { linkOf } from './connection/link-of.js';
export { type FrameReply, type ReceivesFrames, type ReservedFrame } from './dispatch/reserved-frames.js';
