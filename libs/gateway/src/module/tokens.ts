/** Injects {@link ResolvedOptions}. */
export const HOLDFAST_OPTIONS = Symbol('HOLDFAST_OPTIONS');
/** Injects the application's own authenticator, or null. */
export const OWN_AUTHENTICATOR = Symbol('OWN_AUTHENTICATOR');
/** Injects {@link LinkParts}: what all links have in common. */
export const LINK_PARTS = Symbol('LINK_PARTS');
/** Injects {@link ConversationParts}: what all conversations have in common. */
export const CONVERSATION_PARTS = Symbol('CONVERSATION_PARTS');
/** Injects the {@link PendingWork} of disconnect hooks. */
export const DISCONNECT_HOOKS = Symbol('DISCONNECT_HOOKS');
/** Injects the {@link Backplane} of this node. */
export const HOLDFAST_BACKPLANE = Symbol('HOLDFAST_BACKPLANE');
/** Injects the name of this node, which no other node and no other start of it has. */
export const HOLDFAST_NODE = Symbol('HOLDFAST_NODE');
