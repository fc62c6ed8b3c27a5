import type { Duplex } from 'node:stream';
import { type RawData, WebSocket } from 'ws';

/** Whom the events of a socket go to. */
export interface SocketListener {
  /** Bytes have come from the socket, and go to `ws` next. */
  reading(chunk: Buffer, socket: Duplex): void;
  /** What `ws` made of them was handled. */
  hasRead(): void;
  /** The operating system takes more again. */
  drained(): void;
  received(data: RawData, isBinary: boolean): void;
  /** The peer answered a protocol ping, or pretends to. */
  ponged(payload: Buffer): void;
  violated(error: Error & { code?: string }): void;
  gone(code: number, reason: Buffer): void;
}

/**
 * A socket that knows its listener, so that what listens to it are shared functions and not closures per connection.
 */
export class LinkedWebSocket extends WebSocket {
  listener: SocketListener | undefined;
}

const listenerKey = Symbol('holdfast.listener');

/** The socket below, which knows it as well. */
export type LinkedSocket = Duplex & {
  bytesRead?: number;
  bytesWritten?: number;
  [listenerKey]?: SocketListener | undefined;
};

/** From here on the events of both go to `listener`. */
export function listenTo(socket: LinkedSocket, ws: LinkedWebSocket, listener: SocketListener): void {
  socket[listenerKey] = listener;
  socket.on('drain', onDrain);
  // Before and after the listener of `ws`, so that all that it makes of what was read lies between them.
  socket.prependListener('data', onReading);
  socket.on('data', onRead);
  ws.listener = listener;
  ws.on('message', onMessage);
  ws.on('pong', onPong);
  ws.on('error', onError);
  ws.on('close', onClose);
}

/** Nothing of the connection is held by its sockets any more. */
export function stopListening(socket: LinkedSocket | undefined, ws: LinkedWebSocket | undefined): void {
  if (ws) ws.listener = undefined;
  if (!socket) return;
  socket.off('drain', onDrain).off('data', onReading).off('data', onRead);
  socket[listenerKey] = undefined;
}

function onReading(this: LinkedSocket, chunk: Buffer): void {
  this[listenerKey]?.reading(chunk, this);
}

function onRead(this: LinkedSocket): void {
  this[listenerKey]?.hasRead();
}

function onDrain(this: LinkedSocket): void {
  this[listenerKey]?.drained();
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  listenerOf(this)?.received(data, isBinary);
}

function onPong(this: WebSocket, payload: Buffer): void {
  listenerOf(this)?.ponged(payload);
}

function onError(this: WebSocket, error: Error): void {
  listenerOf(this)?.violated(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  listenerOf(this)?.gone(code, reason);
}

function listenerOf(ws: WebSocket): SocketListener | undefined {
  return ws instanceof LinkedWebSocket ? ws.listener : undefined;
}
