import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The requests of each connection that have no whole answer yet. HTTP/1.1 answers in the order of the requests (RFC
 * 9112 section 9.3.2), but Node hands on an upgrade when it comes: what an earlier request is answered then would end
 * up among the frames of a WebSocket.
 */
export class UnansweredRequests {
  readonly #counts = new WeakMap<Socket, number>();
  readonly #waiting = new Map<Socket, () => void>();

  has(socket: Socket): boolean {
    return (this.#counts.get(socket) ?? 0) > 0;
  }

  began({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#counts.set(socket, (this.#counts.get(socket) ?? 0) + 1);
    // Also where it was given up, and the connection with it.
    response.once('close', () => {
      this.#ended(socket);
    });
  }

  /** Connections for which somebody waits, see {@link onceAnswered}. */
  get waiting(): Iterable<Socket> {
    return this.#waiting.keys();
  }

  /**
   * Calls back when all of them are answered, unless {@link forget} comes before. There is one upgrade per connection.
   */
  onceAnswered(socket: Socket, callback: () => void): void {
    this.#waiting.set(socket, callback);
  }

  forget(socket: Socket): void {
    this.#waiting.delete(socket);
  }

  #ended(socket: Socket): void {
    const left = (this.#counts.get(socket) ?? 1) - 1;
    this.#counts.set(socket, left);
    if (left > 0) return;
    this.#waiting.get(socket)?.();
    this.#waiting.delete(socket);
  }
}
