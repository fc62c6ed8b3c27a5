import { SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

const publicMetadata = 'holdfast:public';

/**
 * Lets {@link AuthGuard} admit clients without a token to a gateway, controller or handler. A client that presents a
 * token anyway is identified by it, and refused when it is bad.
 *
 * @publicApi
 */
export const Public = (): CustomDecorator => SetMetadata(publicMetadata, true);

/** Whether a class is marked {@link Public}. */
export function isMarkedPublic(type: object): boolean {
  return Reflect.getMetadata(publicMetadata, type) === true;
}

/**
 * Whether the handler, or else its class, is marked {@link Public}. For guards of your own.
 *
 * @publicApi
 */
export function isPublic(reflector: Reflector, context: ExecutionContext): boolean {
  return (
    reflector.getAllAndOverride<boolean | undefined>(publicMetadata, [context.getHandler(), context.getClass()]) ===
    true
  );
}
