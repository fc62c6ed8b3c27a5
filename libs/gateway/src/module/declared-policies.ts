import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { readMetadata } from '../nest/index.js';
import { ROOM_POLICY, RoomPolicies, type RoomPolicyOptions } from '../rooms/index.js';

/** Finds the policies of rooms that `@Room()` declares. */
@Injectable()
export class DeclaredPolicies {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly policies: RoomPolicies,
  ) {}

  /**
   * Called once, when all providers have been made.
   *
   * @throws HoldfastError `INVALID_GATEWAY` for two policies of the same rooms.
   */
  register(): void {
    // A class may be provided twice, and a method be inherited by several classes.
    const declared = new Set<RoomPolicyOptions>();
    for (const { metatype } of this.discovery.getProviders()) {
      for (const policy of typeof metatype === 'function' ? this.#policiesOf(metatype) : []) declared.add(policy);
    }
    for (const policy of declared) this.policies.add(policy);
  }

  #policiesOf(type: { readonly prototype?: unknown }): RoomPolicyOptions[] {
    const { prototype } = type;
    // Factories are functions, too, and some have none.
    if (typeof prototype !== 'object' || prototype === null) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method: unknown = Reflect.get(prototype, name);
      const policy = typeof method === 'function' ? readMetadata(ROOM_POLICY, method) : undefined;
      // Written by the decorator alone, which has checked it.
      return policy === undefined ? [] : [policy as RoomPolicyOptions];
    });
  }
}
