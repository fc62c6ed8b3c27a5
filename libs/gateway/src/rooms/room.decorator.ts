import { applyDecorators, SetMetadata } from '@nestjs/common';
import { SubscribeMessage } from '@nestjs/websockets';
import { PUBLISH_EVENT, ROOM_EVENT } from '../dispatch/index.js';
import { HoldfastError } from '../errors/index.js';
import { MESSAGE_METADATA, readMetadata } from '../nest/index.js';
import { problemsOf, type RoomPolicyOptions } from './room-options.js';

/** What {@link Room} says of how much is kept. */
export const ROOM_POLICY = Symbol('holdfast:room-policy');

/**
 * Marks the method that decides whether a client may join the rooms of a pattern, such as `orders/:id`. Guards, pipes,
 * interceptors and parameters are those of any handler: `@MessageBody('id')` is the part of the name, and
 * `@MessageBody('room')` the name. The client is refused with `FORBIDDEN` when the method returns `false`, and with its
 * error when it throws. Rooms without such a method cannot be joined by clients, only by `connection.join()`.
 *
 * @param policy - how much of these rooms is kept, as in the option `rooms` of the module. Default: what that says, or
 *   nothing.
 * @throws HoldfastError `INVALID_GATEWAY` when the method has another pattern or event already; at boot for a malformed
 *   pattern or policy, and for two that match the same rooms.
 * @publicApi
 */
export function Room(pattern: string, policy?: Omit<RoomPolicyOptions, 'pattern'>): MethodDecorator {
  const decorator = `@Room('${pattern}')`;
  const event = once(`${ROOM_EVENT}${pattern}`, decorator);
  if (!policy) return event;
  const declared = { ...policy, pattern };
  const problems = problemsOf(declared);
  if (problems.length > 0) throw new HoldfastError('INVALID_GATEWAY', `${decorator}: ${problems.join('; ')}`);
  return applyDecorators(event, SetMetadata(ROOM_POLICY, declared));
}

/**
 * Marks the method that is given what clients publish to the rooms of a pattern by `room.publish(event, data)`. It is a
 * handler like any other: `@MessageBody()` is `{ room, event, data }` with the parts of the name, so that
 * `@MessageBody('data')` is what was published. It decides what to do with it, usually `rooms.to(room).emit(...)`; what
 * it returns is the answer. Without such a method, publishing is refused with `FORBIDDEN`: members have no right to it
 * by themselves.
 *
 * @throws HoldfastError `INVALID_GATEWAY`, see {@link Room}
 * @publicApi
 */
export function RoomPublish(pattern: string): MethodDecorator {
  return once(`${PUBLISH_EVENT}${pattern}`, `@RoomPublish('${pattern}')`);
}

/** Nest would keep the last of two without a word, and the first would be for nobody. */
function once(event: string, decorator: string): MethodDecorator {
  return (target, key, descriptor) => {
    const method: unknown = descriptor.value;
    if (typeof method === 'function' && readMetadata(MESSAGE_METADATA, method) !== undefined) {
      const message = `${decorator} on ${String(key)}: the method has a pattern or an event already. Write one method for each`;
      throw new HoldfastError('INVALID_GATEWAY', message);
    }
    SubscribeMessage(event)(target, key, descriptor);
  };
}
