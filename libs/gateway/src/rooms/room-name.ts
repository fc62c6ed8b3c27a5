import { HoldfastException } from '../errors/index.js';

/** Segments of letters, digits and `_ - . : @ ! ~ , ; = + $`, with slashes between them. */
const roomName = /^[\w.:@!~,;=+$-]+(?:\/[\w.:@!~,;=+$-]+)*$/;

/** @throws HoldfastException `INVALID_ROOM` */
export function checkRoomName(name: unknown, maxLength: number): asserts name is string {
  if (typeof name === 'string' && name.length <= maxLength && roomName.test(name)) return;
  throw new HoldfastException(
    'INVALID_ROOM',
    `A room has a name of 1 to ${maxLength} characters: letters, digits and _-.:@!~,;=+$, with single slashes between them`,
  );
}
