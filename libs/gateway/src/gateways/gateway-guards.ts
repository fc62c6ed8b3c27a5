import { Injectable } from '@nestjs/common';
import { ContextIdFactory, ExternalContextCreator, ModuleRef } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import type { Connection, Link } from '../connection/index.js';
import { CONNECT_PATTERN, copyMetadata, REQUEST_CONTEXT_ID } from '../nest/index.js';
import type { Arrival } from '../admission/index.js';
import type { GatewayInfo } from './gateway-info.js';
import { NestBindings } from './nest-binding.js';
import type { Guards } from './route.js';
import { DirectCompiler, type HandshakeHook } from '../direct/index.js';
import { isMessagesOnly } from './handshake-guards.js';
import { watchOwnHooks } from './hook-seam.js';

type Decide = (connection: Connection, request: IncomingMessage) => Promise<void>;
/** Guards and hook of a gateway without Nest's own chain. */
type QuickAdmission = NonNullable<ReturnType<DirectCompiler['admission']>>;
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
export class GatewayGuards implements Guards {
  readonly #admissions = new WeakMap<GatewayInfo, QuickAdmission | NestAdmission>();
  /** Handshakes that came through guards and interceptors to their end. */
  readonly #passed = new WeakSet<Connection>();

  constructor(
    private readonly contextCreator: ExternalContextCreator,
    private readonly moduleRef: ModuleRef,
    private readonly compiler: DirectCompiler,
    private readonly bindings: NestBindings,
  ) {}

  /**
   * Asks the gateways of a path, one after the other, whether to let a client in.
   *
   * @returns undefined when all did so at once; otherwise a promise that resolves when all have.
   * @throws whatever refused it, even where a filter of the application swallowed the exception: not to answer is not
   *   to admit.
   */
  admit(arrival: Arrival, gateways: readonly GatewayInfo[]): Promise<void> | undefined {
    return this.#admitFrom(0, arrival, gateways);
  }

  #admitFrom(first: number, arrival: Arrival, gateways: readonly GatewayInfo[]): Promise<void> | undefined {
    for (let index = first; index < gateways.length; index++) {
      const pending = this.#ask(gateways[index], arrival);
      if (pending) return pending.then(() => this.#admitFrom(index + 1, arrival, gateways));
    }
    return undefined;
  }

  #ask(gateway: GatewayInfo | undefined, arrival: Arrival): Promise<void> | undefined {
    const { request, link } = arrival;
    if (!gateway || !request) return undefined;
    const admission = this.#admissionOf(gateway);
    if (typeof admission === 'object') return admission.run(link.connection, request);
    return this.#askThroughNest(gateway, admission, link, request);
  }

  async #askThroughNest(
    gateway: GatewayInfo,
    known: NestAdmission | undefined,
    link: Link,
    request: IncomingMessage,
  ): Promise<void> {
    const { connection } = link;
    const binding = this.bindings.of(link);
    const admit = known ?? (await this.#scopedAdmission(gateway, connection));
    await admit(connection, request, CONNECT_PATTERN);
    if (binding.refusal) throw binding.refusal.error;
    if (!this.#passed.delete(connection))
      throw new Error(`An interceptor of ${gateway.name} kept the handshake from being decided`);
  }

  /** Undefined for a request-scoped gateway: it has one per connection. */
  #admissionOf(gateway: GatewayInfo): QuickAdmission | NestAdmission | undefined {
    const ready = this.#admissions.get(gateway);
    const { type, wrapper, instance } = gateway;
    if (ready || !instance) return ready;
    const decide = this.#decideBy(instance);
    const isGuarded = !isMessagesOnly(type);
    const admission =
      this.compiler.admission({ type, wrapper, instance, handler: decide, isGuarded }) ??
      this.#create(instance, decide, undefined, undefined);
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
    const options = { guards: !isMessagesOnly(instance.constructor), interceptors: true, filters: true };
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
