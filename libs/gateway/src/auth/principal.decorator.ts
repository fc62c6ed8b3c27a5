import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuthenticatedPeer } from './authenticated-peer.js';
import type { FactDecorator } from './fact-decorator.js';
import type { Principal as PrincipalFacts } from '../connection/index.js';

/**
 * Injects who is calling, or one fact of it: `@Principal() who: Principal`, `@Principal('subject') subject: string`.
 * Works in gateways and, behind {@link AuthGuard}, in HTTP controllers. Undefined for an anonymous caller of a
 * {@link Public} handler.
 *
 * @publicApi
 */
export const Principal: FactDecorator<PrincipalFacts> = createParamDecorator(
  (key: keyof PrincipalFacts | undefined, context: ExecutionContext) => {
    const holder =
      context.getType() === 'ws'
        ? context.switchToWs().getClient<Pick<AuthenticatedPeer, 'principal'>>()
        : context.switchToHttp().getRequest<Pick<AuthenticatedPeer, 'principal'>>();
    return key === undefined ? holder.principal : holder.principal?.[key];
  },
);

// One import gives handlers the decorator and the type of what it injects.
export type Principal = PrincipalFacts;
