import { type WebSocketLike } from './ports.js';

/** Closes a socket, with a code if it may be said, and hears no more of it. */
export function hangUp(socket: WebSocketLike, code: number | undefined): void {
  socket.onopen = socket.onmessage = socket.onclose = null;
  // Not null: in `ws` an error that nobody listens to ends the process.
  socket.onerror = () => undefined;
  try {
    socket.close(code);
  } catch {
    // Browsers leave most codes below 3000 to themselves.
    socket.close();
  }
}
