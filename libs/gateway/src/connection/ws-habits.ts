import { refuseAssignment, refuseMethods } from '../errors/index.js';

type Class = Parameters<typeof refuseMethods>[0];

const listen = "use on('close'), on('error') or on('pong'), and @SubscribeMessage() for messages";

/** Members of a `WebSocket` of the package `ws` that a connection cannot have, and what to use in their place. */
export function refuseWsMembers(connection: Class): void {
  refuseMethods(connection, {
    pause: 'its socket is paused while as many messages wait as messages.inboxMessages and inboxBytes allow',
    resume: 'its socket is read again by itself, once half of what waited was handled',
    pong: 'pings of clients are answered by themselves',
    addEventListener: listen,
    removeEventListener: 'use off()',
    prependListener: 'use on()',
    prependOnceListener: 'use once()',
    listeners: 'use listenerCount()',
    rawListeners: 'use listenerCount()',
    eventNames: 'use listenerCount()',
    getMaxListeners: 'a connection has no limit of listeners',
    setMaxListeners: 'a connection has no limit of listeners',
  });
  refuseAssignment(connection, null, { onopen: listen, onmessage: listen, onclose: listen, onerror: listen });
  refuseAssignment(connection, 'nodebuffer', { binaryType: 'bytes are always Buffers' });
  refuseAssignment(connection, '', {
    extensions: 'no extensions are negotiated',
    url: 'the path of the request is handshake.path',
  });
}
