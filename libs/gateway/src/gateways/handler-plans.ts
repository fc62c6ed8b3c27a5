import type { Type } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { Observable } from 'rxjs';
import { CONCURRENCY, type HandlerPlan } from '../dispatch/index.js';
import type { GatewayInfo } from './gateway-info.js';
import { bindRateLimits } from '../rate-limit/index.js';
import type { DirectCompiler } from '../direct/index.js';
import { RAW_EVENT, RawFormat, type WireFormat } from '../format/index.js';
import { isIntercepted, type ProviderWrapper, readMetadata, takesAcknowledgement } from '../nest/index.js';

/** A gateway with what `@SubscribeMessage()` says of its methods. */
export interface PlannedGateway {
  readonly info: GatewayInfo;
  readonly wrapper: ProviderWrapper;
  readonly methods: readonly PlannedMethod[];
}

export interface PlannedMethod {
  readonly name: string;
  readonly callback: object;
  /** Anything: what is no non-empty string is refused at boot. */
  readonly event: unknown;
}

/** The handlers of all gateways of one path, by event. */
export function planHandlers(
  group: readonly PlannedGateway[],
  config: ApplicationConfig,
  compiler: DirectCompiler,
  path: string,
  format: WireFormat | undefined,
): Map<string, HandlerPlan> {
  const hasGlobalInterceptors = config.getGlobalInterceptors().length > 0;
  const handlers = new Map<string, HandlerPlan>();
  for (const { info, wrapper, methods } of group) {
    for (const { name, callback, event } of methods) {
      const own = readMetadata(CONCURRENCY, callback) ?? readMetadata(CONCURRENCY, info.type);
      const key = String(event);
      handlers.set(key, {
        index: handlers.size,
        event: key,
        gateway: info.name,
        method: name,
        concurrency: typeof own === 'number' ? own : undefined,
        direct: compiler.handler({ type: info.type, wrapper, method: name, event: key }),
        streams: !hasGlobalInterceptors && !isIntercepted(info.type, callback) ? true : declaresStream(info.type, name),
        limits: bindRateLimits(info.type, callback, `${info.name}.${name}`, path),
        acknowledges: takesAcknowledgement(info.type, name),
      });
    }
  }
  // What listeners of `message` are told waits and is counted like any message.
  if (format instanceof RawFormat && handlers.size === 0) handlers.set(RAW_EVENT, listenersAlone(group));
  return handlers;
}

function listenersAlone(group: readonly PlannedGateway[]): HandlerPlan {
  return {
    index: 0,
    event: RAW_EVENT,
    gateway: group.map(({ info }) => info.name).join(', '),
    method: 'message',
    concurrency: undefined,
    direct: { run: () => undefined },
    streams: false,
    limits: [],
    acknowledges: false,
  };
}

/** What TypeScript wrote down of `handler(): Observable<...>`. */
function declaresStream(type: Type, method: string): boolean {
  return isObservableType(Reflect.getMetadata('design:returntype', type.prototype as object, method));
}

function isObservableType(type: unknown): boolean {
  return typeof type === 'function' && (type === Observable || type.prototype instanceof Observable);
}
