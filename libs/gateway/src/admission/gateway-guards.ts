import { Injectable } from '@nestjs/common';
import { ContextIdFactory, ExternalContextCreator, ModuleRef } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import type { Connection } from '../connection/connection.js';
import { CONNECT_PATTERN } from '../lifecycle/connect-pattern.js';
import type { GatewayInfo } from '../lifecycle/endpoint.js';
import type { Session } from '../lifecycle/session.js';
import { watchOwnHooks } from '../module/hook-seam.js';
import { copyMetadata, REQUEST_CONTEXT_ID } from '../module/nest-internals.js';

type Admit = (connection: Connection, request: IncomingMessage, pattern: typeof CONNECT_PATTERN) => Promise<unknown>;

interface HandshakeHook {
  readonly onHandshake?: (connection: Connection, request: IncomingMessage) => unknown;
  handleConnection?: unknown;
}

/** Runs the guards, interceptors and filters of gateways for a handshake, by Nest's public `ExternalContextCreator`. */
@Injectable()
export class GatewayGuards {
  readonly #admits = new WeakMap<GatewayInfo, Admit>();
  /** Handshakes that came through guards and interceptors to their end. */
  readonly #passed = new WeakSet<Connection>();

  constructor(
    private readonly contextCreator: ExternalContextCreator,
    private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * Resolves when every gateway of the session's path lets it in.
   *
   * @throws whatever refused it, even where a filter of the application swallowed the exception: not to answer is not
   *   to admit.
   */
  async admit(session: Session): Promise<void> {
    const { request, connection } = session;
    if (!request) return;
    for (const gateway of session.endpoint.gateways) {
      const admit = await this.#admitFor(gateway, connection);
      await admit(connection, request, CONNECT_PATTERN);
      if (session.refusal) throw session.refusal.error;
      if (!this.#passed.delete(connection))
        throw new Error(`An interceptor of ${gateway.name} kept the handshake from being decided`);
    }
  }

  async #admitFor(gateway: GatewayInfo, connection: Connection): Promise<Admit> {
    const ready = this.#admits.get(gateway);
    if (ready) return ready;
    if (!gateway.instance) return this.#scopedAdmit(gateway, connection);
    const admit = this.#create(gateway.instance, undefined, undefined);
    this.#admits.set(gateway, admit);
    return admit;
  }

  /** A request-scoped gateway has an instance per connection; its hooks and messages will meet the same one. */
  async #scopedAdmit(gateway: GatewayInfo, connection: Connection): Promise<Admit> {
    const contextId = ContextIdFactory.getByRequest(connection);
    if (!(REQUEST_CONTEXT_ID in connection)) {
      Object.defineProperty(connection, REQUEST_CONTEXT_ID, { value: contextId, configurable: true });
      this.moduleRef.registerRequestByContextId(connection, contextId);
    }
    const instance: object = await this.moduleRef.resolve(gateway.type, contextId, { strict: false });
    watchOwnHooks(instance);
    return this.#create(instance, contextId, gateway.id);
  }

  #create(
    instance: HandshakeHook,
    contextId: ReturnType<typeof ContextIdFactory.create> | undefined,
    inquirerId: string | undefined,
  ): Admit {
    const decide = async (connection: Connection, request: IncomingMessage): Promise<void> => {
      await instance.onHandshake?.(connection, request);
      this.#passed.add(connection);
    };
    // Guards and reflectors read the metadata of the method they protect, and the application decorates its hooks.
    if (typeof instance.handleConnection === 'function') copyMetadata(instance.handleConnection, decide);
    if (typeof instance.onHandshake === 'function') copyMetadata(instance.onHandshake, decide);
    // ExternalContextCreator types callbacks as `(...args: unknown[])`; ours is called by `admit` above alone.
    const callback = decide as (...args: unknown[]) => unknown;
    const options = { guards: true, interceptors: true, filters: true };
    return this.contextCreator.create<never, 'ws'>(
      instance,
      callback,
      'handleConnection',
      undefined,
      undefined,
      contextId,
      inquirerId,
      options,
      'ws',
    );
  }
}
