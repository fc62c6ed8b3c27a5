import type { Clock, WebSocketLike } from './ports.js';

const closedState: WebSocket['CLOSED'] = 3;

/** How long the server may take to answer a close. The 30 s of `ws` would keep a process alive that is done. */
const answerMs = 3_000;

/**
 * Closes a socket that nobody listens to any more.
 *
 * @param isDead - nobody will answer the close.
 */
export function closeSocket(socket: WebSocketLike, clock: Clock, code: number, isDead: boolean): void {
  socket.onopen = socket.onmessage = socket.onclose = null;
  // Not null: in `ws` an error that nobody listens to ends the process.
  socket.onerror = () => undefined;
  try {
    socket.close(code);
  } catch {
    // Browsers leave most codes below 3000 to themselves.
    socket.close();
  }
  // Only `ws` waits for the answer, and can be told not to.
  if (isDead) socket.terminate?.();
  else if (socket.terminate && socket.readyState !== closedState) {
    const timer = clock.schedule(() => socket.terminate?.(), answerMs);
    socket.onclose = () => clock.cancel(timer);
  }
}
