import type { Type } from '@nestjs/common';
import type { ProviderWrapper } from '../nest/index.js';

/** A gateway class as found at boot. */
export interface GatewayInfo {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly name: string;
  /** Nest's id of the provider. */
  readonly id: string;
  /** Undefined for request-scoped gateways: they have an instance per connection. */
  readonly instance: object | undefined;
  readonly hasConnectionHook: boolean;
  readonly hasDisconnectHook: boolean;
}
