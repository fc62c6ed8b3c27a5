import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { CONNECT_PATTERN } from '../nest/index.js';

const messagesOnly = 'holdfast:messages-only';

type Guard = (this: unknown, context: ExecutionContext) => ReturnType<CanActivate['canActivate']>;

/**
 * Whether a guard or an interceptor is asked about a handshake, and not about a message. Its data is the upgrade
 * request then, and its handler the connection hook of the gateway.
 *
 * @publicApi
 */
export function isHandshake(context: ExecutionContext): boolean {
  return context.getType<string>() === 'ws' && context.switchToWs().getPattern() === CONNECT_PATTERN;
}

/**
 * Excludes guards from handshakes: on a guard class, that guard; on a gateway, all guards that the handshakes of this
 * gateway would be asked of. They run for messages only, so anybody can connect.
 *
 * @publicApi
 */
export function MessagesOnly(): ClassDecorator {
  return (type) => {
    Reflect.defineMetadata(messagesOnly, true, type);
    // The type of a decorated class says nothing of its instances.
    const prototype = type.prototype as { canActivate?: unknown };
    const original = prototype.canActivate;
    if (typeof original !== 'function') return;
    const canActivate: Guard = function (this, context) {
      return isHandshake(context) || (original as Guard).call(this, context);
    };
    Object.defineProperty(prototype, 'canActivate', { value: canActivate, configurable: true, writable: true });
  };
}

/** Whether the handshakes of a gateway are decided without guards. */
export function isMessagesOnly(gateway: object): boolean {
  return Reflect.getMetadata(messagesOnly, gateway) === true;
}
