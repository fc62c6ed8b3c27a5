import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { Script } from './script.js';

/** What is kept of the bytes of the server: enough to see what is wrong with them. */
const maxKept = 512 * 1024;

/** A hostile peer that follows a script. */
export class Intruder {
  readonly #socket: Socket;
  readonly #received: Buffer[] = [];
  #kept = 0;

  constructor(
    port: number,
    private readonly script: Script,
    localAddress: string,
  ) {
    this.#socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true, noDelay: true });
    // Resets are part of the game.
    this.#socket.on('error', () => undefined);
    if (script.reads === 'nothing') this.#socket.pause();
    else this.#socket.on('data', (chunk) => this.#read(chunk));
  }

  /** Bytes of the server, from the first one on. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Follows the script to its end, or to that of the connection. */
  async act(): Promise<void> {
    const { segments, pauses, leaves } = this.script;
    // A server that is gone is seen by others.
    await once(this.#socket, 'connect').catch(() => undefined);
    for (const [index, segment] of segments.entries()) {
      if (!this.#socket.writable) break;
      const pauseMs = pauses.get(index);
      await (pauseMs === undefined ? turn() : delay(pauseMs));
      // A server that does not read must not make the fuzzer wait, nor grow.
      if (this.#socket.writableLength < 1_048_576) this.#socket.write(segment);
    }
    if (leaves === 'fin') this.#socket.destroySoon();
    else if (leaves === 'reset') this.#socket.resetAndDestroy();
    else if (leaves === 'half') this.#socket.end();
  }

  /** The round is over. */
  leave(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#kept < maxKept) this.#received.push(chunk);
    this.#kept += chunk.length;
    if (this.script.reads !== 'slowly') return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), 30);
  }
}
