import { Injectable } from '@nestjs/common';
import { ApplicationConfig, ContextIdFactory, ExternalContextCreator, ModuleRef } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import type { Connection } from '../connection/connection.js';
import { CONNECT_PATTERN } from '../nest/call.js';
import type { GatewayInfo } from './endpoint.js';
import type { Session } from '../lifecycle/session.js';
import { compileGuards } from '../direct/handler-compiler.js';
import { watchOwnHooks } from './hook-seam.js';
import { copyMetadata, REQUEST_CONTEXT_ID } from '../nest/internals.js';
import { DirectAdmission, type HandshakeHook } from '../direct/direct-admission.js';

type Decide = (connection: Connection, request: IncomingMessage) => Promise<void>;
type NestAdmission = (
  connection: Connection,
  request: IncomingMessage,
  pattern: typeof CONNECT_PATTERN,
) => Promise<unknown>;

/**
 * Runs the guards, interceptors and filters of gateways for a handshake: by Nest's public `ExternalContextCreator`, or
 * directly where there is nothing but guards that are the same for all.
 */
@Injectable()
export class GatewayGuards {
  readonly #admissions = new WeakMap<GatewayInfo, DirectAdmission | NestAdmission>();
  /** Handshakes that came through guards and interceptors to their end. */
  readonly #passed = new WeakSet<Connection>();

  constructor(
    private readonly contextCreator: ExternalContextCreator,
    private readonly moduleRef: ModuleRef,
    private readonly config: ApplicationConfig,
  ) {}

  /**
   * Asks every gateway of the session's path whether to let it in.
   *
   * @returns undefined when all did so at once; otherwise a promise that resolves when all have.
   * @throws whatever refused it, even where a filter of the application swallowed the exception: not to answer is not
   *   to admit.
   */
  admit(session: Session): Promise<void> | undefined {
    return this.#admitFrom(0, session);
  }

  #admitFrom(first: number, session: Session): Promise<void> | undefined {
    const { gateways } = session.endpoint;
    for (let index = first; index < gateways.length; index++) {
      const pending = this.#ask(gateways[index], session);
      if (pending) return pending.then(() => this.#admitFrom(index + 1, session));
    }
    return undefined;
  }

  #ask(gateway: GatewayInfo | undefined, session: Session): Promise<void> | undefined {
    const { request, connection } = session;
    if (!gateway || !request) return undefined;
    const admission = this.#admissionOf(gateway);
    if (admission instanceof DirectAdmission) return admission.run(connection, request);
    return this.#askThroughNest(gateway, admission, session, request);
  }

  async #askThroughNest(
    gateway: GatewayInfo,
    known: NestAdmission | undefined,
    session: Session,
    request: IncomingMessage,
  ): Promise<void> {
    const { connection } = session;
    const admit = known ?? (await this.#scopedAdmission(gateway, connection));
    await admit(connection, request, CONNECT_PATTERN);
    if (session.refusal) throw session.refusal.error;
    if (!this.#passed.delete(connection))
      throw new Error(`An interceptor of ${gateway.name} kept the handshake from being decided`);
  }

  /** Undefined for a request-scoped gateway: it has one per connection. */
  #admissionOf(gateway: GatewayInfo): DirectAdmission | NestAdmission | undefined {
    const ready = this.#admissions.get(gateway);
    const { type, wrapper, instance } = gateway;
    if (ready || !instance) return ready;
    const decide = this.#decideBy(instance);
    const guards = compileGuards(type, decide, wrapper, this.config);
    const admission = guards
      ? new DirectAdmission({ instance, handler: decide, guards })
      : this.#create(instance, decide, undefined, undefined);
    this.#admissions.set(gateway, admission);
    return admission;
  }

  /** A request-scoped gateway has an instance per connection; its hooks and messages will meet the same one. */
  async #scopedAdmission(gateway: GatewayInfo, connection: Connection): Promise<NestAdmission> {
    const contextId = ContextIdFactory.getByRequest(connection);
    if (!(REQUEST_CONTEXT_ID in connection)) {
      Object.defineProperty(connection, REQUEST_CONTEXT_ID, { value: contextId, configurable: true });
      this.moduleRef.registerRequestByContextId(connection, contextId);
    }
    const instance: object = await this.moduleRef.resolve(gateway.type, contextId, { strict: false });
    watchOwnHooks(instance);
    return this.#create(instance, this.#decideBy(instance), contextId, gateway.id);
  }

  /** What Nest is told the handler is. */
  #decideBy(instance: HandshakeHook): Decide {
    const decide: Decide = async (connection, request) => {
      await instance.onHandshake?.(connection, request);
      this.#passed.add(connection);
    };
    // Guards and reflectors read the metadata of the method they protect, and the application decorates its hooks.
    if (typeof instance.handleConnection === 'function') copyMetadata(instance.handleConnection, decide);
    if (typeof instance.onHandshake === 'function') copyMetadata(instance.onHandshake, decide);
    return decide;
  }

  #create(
    instance: object,
    decide: Decide,
    contextId: ReturnType<typeof ContextIdFactory.create> | undefined,
    inquirerId: string | undefined,
  ): NestAdmission {
    // ExternalContextCreator types callbacks as `(...args: unknown[])`; ours is called by `#askThroughNest` alone.
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
