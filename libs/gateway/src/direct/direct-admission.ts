import type { IncomingMessage } from 'node:http';
import { type CanActivate, ForbiddenException, type Type } from '@nestjs/common';
import type { Connection } from '../connection/index.js';
import { isThenable } from '../ground/index.js';
import { CONNECT_PATTERN, ExecutionContextHost, FORBIDDEN_MESSAGE } from '../nest/index.js';
import { passes } from './guards.js';

/** A gateway as far as it has a say in handshakes. */
export interface HandshakeHook {
  readonly onHandshake?: (connection: Connection, request: IncomingMessage) => unknown;
  handleConnection?: unknown;
}

export interface DirectAdmissionParts {
  readonly instance: HandshakeHook;
  /** What guards see as the handler; its metadata is that of the hooks of the gateway. */
  readonly handler: (...args: never[]) => unknown;
  readonly guards: readonly CanActivate[];
}

/**
 * Guards and `onHandshake` of one gateway in the order in which Nest calls them, without a promise where nothing is
 * asynchronous, as DirectPipeline does for messages: when all clients of a node reconnect at once, they wait for this.
 */
export class DirectAdmission {
  constructor(private readonly parts: DirectAdmissionParts) {}

  /**
   * @returns a promise where a guard or the hook is asynchronous; undefined: the client is let in. Throws what refused
   * it.
   */
  run(connection: Connection, request: IncomingMessage): Promise<void> | undefined {
    const { instance, handler, guards } = this.parts;
    // Whatever Nest made the gateway of is its class.
    const type = instance.constructor as Type;
    const context = new ExecutionContextHost([connection, request, CONNECT_PATTERN], type, handler);
    context.setType('ws');
    const verdict = passes(guards, context);
    if (typeof verdict === 'boolean') return this.#decide(verdict, connection, request);
    return verdict.then((isPassed) => this.#decide(isPassed, connection, request));
  }

  #decide(isPassed: boolean, connection: Connection, request: IncomingMessage): Promise<void> | undefined {
    if (!isPassed) throw new ForbiddenException(FORBIDDEN_MESSAGE);
    const decision = this.parts.instance.onHandshake?.(connection, request);
    return isThenable(decision) ? Promise.resolve(decision).then(() => undefined) : undefined;
  }
}
