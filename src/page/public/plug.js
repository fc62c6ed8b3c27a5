/* global WebSocket */

/**
 * A WebSocket class for the SDK, and the means to pull the plug of its latest socket.
 *
 * The SDK must not know: its own `close()` is the wish to leave, and it would stay away. A page cannot break TCP, so
 * what comes nearest is a close behind its back, without a code, as a proxy or a dying process does it.
 */
export function plug() {
  let latest;
  return {
    WebSocket: class extends WebSocket {
      constructor(...args) {
        super(...args);
        latest = this;
      }
    },
    pull: () => latest?.close(),
  };
}
