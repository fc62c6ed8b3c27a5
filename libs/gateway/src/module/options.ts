import type { Backplane } from '@holdfast/backplane';
import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsOptional, ValidateNested } from 'class-validator';
import { AdmissionOptions } from '../admission/index.js';
import { AuthOptions } from '../auth/index.js';
import { MessageOptions } from '../dispatch/index.js';
import { HasMethods, IsGroup } from '../ground/index.js';
import { HeartbeatOptions } from '../heartbeat/index.js';
import { LifecycleOptions } from '../lifecycle/index.js';
import { OutboxOptions } from '../outbox/index.js';
import { RoomLimitOptions, RoomPolicyOptions } from '../rooms/index.js';
import { SessionOptions } from '../session/index.js';

const backplaneMethods = [
  'start',
  'close',
  'publish',
  'read',
  'tops',
  'watch',
  'unwatch',
  'send',
] satisfies (keyof Backplane)[];

/**
 * Everything there is to set. All of it has a safe default; a wrong value stops the boot and is named.
 *
 * @publicApi
 */
export class HoldfastOptions {
  /** Production refuses what is only convenient. Default: whether NODE_ENV is `production`. */
  @IsOptional()
  @IsBoolean()
  production?: boolean;

  /**
   * The engine that stores rooms and sessions and connects the nodes. Default: the memory of this process, whose rooms
   * are those of one node and end with it.
   */
  @IsOptional()
  @HasMethods(backplaneMethods, 'an engine, such as new MemoryBackplane()')
  backplane?: Backplane;

  /** How bearer tokens are verified. Without it, and without an `authenticator`, {@link AuthGuard} cannot be used. */
  @IsGroup(() => AuthOptions)
  auth?: AuthOptions;

  @IsGroup(() => AdmissionOptions)
  admission?: AdmissionOptions;

  @IsGroup(() => HeartbeatOptions)
  heartbeat?: HeartbeatOptions;

  @IsGroup(() => MessageOptions)
  messages?: MessageOptions;

  @IsGroup(() => OutboxOptions)
  outbox?: OutboxOptions;

  @IsGroup(() => LifecycleOptions)
  lifecycle?: LifecycleOptions;

  /** Policies of rooms by pattern. Rooms that match none have no history. Default: none. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RoomPolicyOptions)
  rooms?: RoomPolicyOptions[];

  @IsGroup(() => RoomLimitOptions)
  roomLimits?: RoomLimitOptions;

  @IsGroup(() => SessionOptions)
  sessions?: SessionOptions;
}
