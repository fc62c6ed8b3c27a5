import { type IncomingMessage, Server as HttpServer, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Deadline, type TimerWheel } from '../ground/index.js';
import { UnansweredRequests } from './unanswered-requests.js';

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

export interface UpgradeHandler {
  /** Decides about one upgrade request. Returns false for those it has nothing to do with. */
  handle(upgrade: Upgrade): boolean;
  /** It belongs to none of the listeners. */
  unanswered(socket: Duplex): void;
  /** Its turn has not come in time. */
  overdue(socket: Duplex): void;
}

/**
 * Listens on one HTTP server: for upgrades, and for peers that connect and never get round to a request. Other
 * WebSocket users of the same server are left alone.
 */
export class UpgradeListener {
  /** Sockets that have not sent a whole request head yet, by {@link #keyOf}. */
  readonly #silent = new Map<unknown, Silent>();
  readonly #unanswered = new UnansweredRequests();
  readonly #isTls: boolean;

  constructor(
    private readonly server: HttpServer,
    private readonly handler: UpgradeHandler,
    private readonly wheel: TimerWheel,
    private readonly timeoutMs: number,
  ) {
    this.#isTls = server instanceof HttpsServer;
    // First of all listeners, so that it can be told whether one of them has answered.
    server.prependListener('upgrade', this.#onUpgrade);
    // HTTP/2 puts many requests on one socket and shows none of them here; its own limits have to do.
    if (server instanceof HttpServer || this.#isTls) server.on('connection', this.#onConnection);
    server.on('request', this.#onRequest);
  }

  /**
   * Peers that have not sent a request by now, or must wait for its turn, would keep the server from closing, and are
   * cut.
   */
  dispose(): void {
    this.server.off('upgrade', this.#onUpgrade);
    this.server.off('connection', this.#onConnection);
    this.server.off('request', this.#onRequest);
    for (const { socket, deadline } of this.#silent.values()) {
      this.wheel.cancel(deadline);
      socket.destroy();
    }
    this.#silent.clear();
    for (const socket of this.#unanswered.waiting) socket.destroy();
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#heard(this.#keyOf(request.socket));
    // Before anything else: a reset that nobody listens for is an uncaught exception and ends the process.
    socket.on('error', ignore);
    const isShared = this.server.listenerCount('upgrade') > 1;
    const decide = (): void => {
      const upgrade = { request, socket, head, isShared, isTaken: watchUse(socket) };
      if (!this.handler.handle(upgrade)) this.#expectOthers(upgrade);
    };
    if (this.#unanswered.has(request.socket)) this.#inTurn(request.socket, decide);
    else decide();
  };

  /** An answer to this upgrade that came before those to earlier requests would be taken for one of theirs. */
  #inTurn(socket: Socket, decide: () => void): void {
    const over = (): void => {
      this.#unanswered.forget(socket);
      this.wheel.cancel(deadline);
    };
    const deadline = new Deadline(() => {
      // Before the answers end, with their connection.
      over();
      this.handler.overdue(socket);
    });
    this.wheel.schedule(deadline, this.timeoutMs);
    socket.once('close', over);
    this.#unanswered.onceAnswered(socket, () => {
      socket.off('close', over);
      over();
      decide();
    });
  }

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

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.#heard(this.#keyOf(request.socket));
    this.#unanswered.began(request, response);
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
      if (!socket.destroyed && !isTaken()) this.handler.unanswered(socket);
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
  // The socket closes by itself after an error; its user is told by `close`.
}
