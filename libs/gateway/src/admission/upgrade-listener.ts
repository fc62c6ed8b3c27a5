import { type IncomingMessage, Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Deadline } from '../ports/deadline.js';
import type { TimerWheel } from '../ports/timer-wheel.js';

/** An upgrade request as a server hears of it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came in the same packet, behind the request. */
  readonly head: Buffer;
  /** Other listeners of the same server hear of it too. */
  readonly isShared: boolean;
  /** One of them has answered it, or reads from its socket: it is not ours to touch any more. */
  readonly isTaken: () => boolean;
}

/** A peer that has connected and not sent a whole request head. */
interface Silent {
  readonly socket: Socket;
  readonly deadline: Deadline;
  readonly heard: () => void;
}

/** Decides about one upgrade request. Returns false for those it has nothing to do with. */
export type UpgradeHandler = (upgrade: Upgrade) => boolean;

/**
 * Listens on one HTTP server: for upgrades, and for peers that connect and never get round to a request. Other
 * WebSocket users of the same server are left alone.
 */
export class UpgradeListener {
  /** Sockets that have not sent a whole request head yet, by {@link #keyOf}. */
  readonly #silent = new Map<unknown, Silent>();
  readonly #isTls: boolean;

  constructor(
    private readonly server: HttpServer,
    private readonly handler: UpgradeHandler,
    private readonly wheel: TimerWheel,
    private readonly timeoutMs: number,
    private readonly refuseUnanswered: (socket: Duplex) => void,
  ) {
    this.#isTls = server instanceof HttpsServer;
    // First of all listeners, so that it can be told whether one of them has answered.
    server.prependListener('upgrade', this.#onUpgrade);
    // HTTP/2 puts many requests on one socket and shows none of them here; its own limits have to do.
    if (server instanceof HttpServer || this.#isTls) server.on('connection', this.#onConnection);
    server.on('request', this.#onRequest);
  }

  /** Peers that have not sent a request by now would keep the server from closing, and are cut. */
  dispose(): void {
    this.server.off('upgrade', this.#onUpgrade);
    this.server.off('connection', this.#onConnection);
    this.server.off('request', this.#onRequest);
    for (const { socket, deadline } of this.#silent.values()) {
      this.wheel.cancel(deadline);
      socket.destroy();
    }
    this.#silent.clear();
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#heard(this.#keyOf(request.socket));
    // Before anything else: a reset that nobody listens for is an uncaught exception and ends the process.
    socket.on('error', ignore);
    const isShared = this.server.listenerCount('upgrade') > 1;
    const upgrade = { request, socket, head, isShared, isTaken: watchUse(socket) };
    if (!this.handler(upgrade)) this.#expectOthers(upgrade);
  };

  readonly #onConnection = (socket: Socket): void => {
    const key = this.#keyOf(socket);
    if (key === undefined) return;
    const heard = (): void => {
      this.#heard(key);
    };
    const deadline = new Deadline(() => {
      heard();
      socket.destroy();
    });
    this.#silent.set(key, { socket, deadline, heard });
    this.wheel.schedule(deadline, this.timeoutMs);
    socket.once('close', heard);
  };

  readonly #onRequest = (request: IncomingMessage): void => {
    this.#heard(this.#keyOf(request.socket));
  };

  /** With TLS a request comes by another object than the connection did; only the addresses are the same. */
  #keyOf(socket: Socket): unknown {
    if (!this.#isTls) return socket;
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    return remotePort && `${remoteAddress ?? ''} ${remotePort} ${localAddress ?? ''} ${localPort ?? ''}`;
  }

  #heard(key: unknown): void {
    const silent = this.#silent.get(key);
    if (!silent) return;
    this.#silent.delete(key);
    this.wheel.cancel(silent.deadline);
    // A connection that lives for days need not remember how it began.
    silent.socket.off('close', silent.heard);
  }

  /** Every listener gets every upgrade. One that belongs to none of them would hold its descriptor for ever. */
  #expectOthers({ socket, isTaken }: Upgrade): void {
    const deadline = new Deadline(() => {
      if (!socket.destroyed && !isTaken()) this.refuseUnanswered(socket);
    });
    this.wheel.schedule(deadline, this.timeoutMs);
    socket.once('close', () => {
      this.wheel.cancel(deadline);
    });
  }
}

function watchUse(socket: Duplex & { readonly bytesWritten?: number }): () => boolean {
  const written = socket.bytesWritten;
  return () =>
    socket.bytesWritten !== written ||
    socket.writableEnded ||
    socket.listenerCount('data') > 0 ||
    socket.listenerCount('readable') > 0;
}

function ignore(): void {
  // The socket closes by itself after an error; whoever uses it hears of that.
}
