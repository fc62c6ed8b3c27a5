import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Handshake as HandshakeFacts } from '../connection/index.js';
import type { AuthenticatedPeer } from './authenticated-peer.js';
import type { FactDecorator } from './fact-decorator.js';

/**
 * Injects what the upgrade request said, or one fact of it: `@Handshake() handshake: Handshake`,
 * `@Handshake('ip') ip: string`. For gateways only; elsewhere there was no handshake and it throws.
 *
 * @publicApi
 */
export const Handshake: FactDecorator<HandshakeFacts> = createParamDecorator(
  (key: keyof HandshakeFacts | undefined, context: ExecutionContext) => {
    if (context.getType() !== 'ws') {
      throw new Error(`@Handshake() is for WebSocket handlers, but this is a handler for "${context.getType()}"`);
    }
    const { handshake } = context.switchToWs().getClient<AuthenticatedPeer>();
    return key === undefined ? handshake : handshake[key];
  },
);

// One import gives handlers the decorator and the type of what it injects.
export type Handshake = HandshakeFacts;
