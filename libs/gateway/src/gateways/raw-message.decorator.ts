import { SubscribeMessage } from '@nestjs/websockets';
import { RAW_EVENT } from '../format/index.js';

/**
 * Marks the one method that is given every frame of a gateway with `format: 'raw'`: text as a string, a binary frame as
 * a Buffer. What it returns is sent as it is: a string as text, a `Uint8Array` as a binary frame, nothing for
 * undefined. Guards, interceptors and pipes run as for any message; what is thrown is logged and not sent.
 *
 * @throws HoldfastError `INVALID_GATEWAY` at boot on a gateway with another format, and for a second such method on one
 *   path.
 * @publicApi
 */
export function RawMessage(): MethodDecorator {
  return SubscribeMessage(RAW_EVENT);
}
