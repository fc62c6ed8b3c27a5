import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  decodeClose,
  encodeFrame,
  type FrameReader,
  rawUpgrade,
  type RawUpgraded,
  TestClient,
} from '@holdfast/testing';
import { expect } from 'vitest';
import { arrival, type ServerProcess } from './server-process.js';

/** Longer than any answer may take that somebody else gets during an attack, in milliseconds. */
export const patienceMs = 2_000;

/** Headers of a right handshake, but for `Host`. */
export const upgradeHeaders =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

let clients = 0;

/** An address that nobody has come from yet, so that what one test did counts for no other. */
export function freshAddress(): string {
  clients++;
  return `127.1.${(clients >> 8) & 0xff}.${clients & 0xff || 255}`;
}

/** A bare TCP connection. It stays half-open when the server ends it, and nothing is read until somebody listens. */
export function dial(server: ServerProcess, from = freshAddress()): Socket {
  const socket = connect({ host: '127.0.0.1', port: server.port, localAddress: from, allowHalfOpen: true });
  // How it ends is told by 'close'; without a listener a reset would end the test.
  return socket.on('error', () => undefined);
}

/** Everything the server says to these bytes before it ends the connection, or up to the end of a 101. */
export function answerTo(server: ServerProcess, bytes: string | Buffer, from?: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = dial(server, from);
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.startsWith('HTTP/1.1 101 ') && answer.includes('\r\n\r\n')) done();
    });
    socket.on('end', done).on('close', done);
    // One byte a character, as in HTTP.
    socket.write(bytes, 'latin1');
  });
}

/** Everything the server says to these bytes and nothing after them, up to the end of the connection. */
export function saidUntilTheEnd(server: ServerProcess, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const said: Buffer[] = [];
    const socket = dial(server);
    socket.on('data', (chunk) => said.push(chunk)).on('close', () => resolve(Buffer.concat(said)));
    socket.end(bytes);
  });
}

/** An upgraded bare connection from an address of its own, in SDK mode where it is asked for. */
export async function intrude(
  server: ServerProcess,
  path = '/target',
  from = freshAddress(),
  protocol?: string,
): Promise<RawUpgraded> {
  const headers = protocol === undefined ? undefined : { 'Sec-WebSocket-Protocol': protocol };
  const upgraded = await rawUpgrade(server.url(path), { localAddress: from, headers });
  if (!upgraded.upgraded) throw new Error(`refused with ${upgraded.status}: ${upgraded.body}`);
  return upgraded;
}

/** A text frame of a client. */
export function textFrame(envelope: unknown): Buffer {
  return encodeFrame({ payload: JSON.stringify(envelope) });
}

/** The next text frame, parsed; a heartbeat may come before it. */
export async function nextEnvelope(frames: FrameReader): Promise<unknown> {
  for (;;) {
    const { opcode, payload } = await frames.next();
    if (opcode === 1) return JSON.parse(payload.toString());
    if (opcode === 8) throw new Error(`closed with ${decodeClose(payload).code} instead`);
  }
}

/** Takes frames up to the close frame; its code, or 1006 where the connection ended without one. */
export async function closeCode(frames: FrameReader): Promise<number> {
  try {
    for (;;) {
      const { opcode, payload } = await frames.next(10_000);
      if (opcode === 8) return decodeClose(payload).code;
    }
  } catch {
    return 1006;
  }
}

/** Resolves when the connection is over on this side. */
export function ended(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    if (socket.destroyed || socket.readableEnded) resolve();
    else socket.once('close', resolve).once('end', resolve);
  });
}

/**
 * Writes the same bytes as fast as they are taken, for so long or until the connection ends. Gives how often it did.
 */
export async function pour(socket: Socket, bytes: Buffer, forMs: number, times = Infinity): Promise<number> {
  const stop = AbortSignal.timeout(forMs);
  const stopped = new Promise<void>((resolve) => {
    stop.onabort = (): void => resolve();
    socket.once('close', resolve);
  });
  let written = 0;
  while (!stop.aborted && socket.writable && written < times) {
    written++;
    if (socket.write(bytes)) await new Promise(setImmediate);
    else await Promise.race([stopped, new Promise((resolve) => socket.once('drain', resolve))]);
  }
  return written;
}

/** Writes bytes in segments of one size, each in a turn of its own, until they are written or the connection ends. */
export async function drip(socket: Socket, bytes: Buffer, size: number): Promise<void> {
  socket.setNoDelay(true);
  for (let at = 0; at < bytes.length && socket.writable; at += size) {
    if (!socket.write(bytes.subarray(at, at + size))) await once(socket, 'drain').catch(() => undefined);
    await new Promise(setImmediate);
  }
}

/** What an attack may cost, at most. */
export interface Bounds {
  /** MiB of memory above what the server had when it began to listen, at the peak of this attack. */
  readonly memory: number;
  /** Lines in the log, beside those of {@link arrival}. Default none. */
  readonly lines?: number;
}

/** Of each kind of {@link arrival}, whoever attacks. */
const linesPerWindow = 10;
const windowMs = 10_000;

/**
 * Attacks the server while somebody else uses it, and expects that it lives, that the other is served, that neither
 * memory nor log outgrow their bounds, and that afterwards the server holds no more descriptors than before.
 */
export async function endures<T>(
  server: ServerProcess,
  name: string,
  bounds: Bounds,
  attack: () => Promise<T>,
): Promise<T> {
  const { descriptors, lines, arrivals } = server;
  const [linesBefore, arrivalsBefore] = [lines.length, arrivals.length];
  const begun = performance.now();
  server.forgetPeak();
  const witness = new Witness(await TestClient.connect(server.url('/witness')));
  let outcome: T;
  try {
    outcome = await attack();
  } finally {
    await witness.dismiss();
  }
  const growth = server.peakMemory - server.memoryAtStart;
  // On a machine that does a lot besides, that the loop stood still is true, and bounded like any other line.
  const written = lines.slice(linesBefore).filter((line) => !line.includes('The event loop stood still'));
  const kinds = arrivals.slice(arrivalsBefore).map((line) => arrival.exec(line)?.[1]?.replace(/^Rejected .*: /, ''));
  console.log(
    `${name}: memory +${growth.toFixed(0)} of ${bounds.memory} MiB, log +${written.length}, others waited ` +
      `${witness.median.toFixed(1)} ms, ${witness.slowest.toFixed(0)} at most (${witness.waits.length} requests)`,
  );
  expect(server.end, 'the server died').toBeUndefined();
  expect(growth).toBeLessThan(bounds.memory);
  expect(written.length, written.slice(0, 20).join('\n')).toBeLessThanOrEqual(bounds.lines ?? 0);
  const windows = Math.ceil((performance.now() - begun) / windowMs) + 1;
  for (const kind of new Set(kinds)) {
    const told = kinds.filter((other) => other === kind).length;
    expect(told, `lines that say ${String(kind)}`).toBeLessThanOrEqual(linesPerWindow * windows);
  }
  expect(witness.slowest).toBeLessThan(patienceMs);
  await expect.poll(() => server.descriptors, { timeout: 5_000 }).toBeLessThanOrEqual(descriptors);
  return outcome;
}

/** Somebody who does no harm and notices how long answers take. */
class Witness {
  readonly waits: number[] = [];
  readonly #served: Promise<void>;
  #dismissed = false;

  constructor(private readonly client: TestClient) {
    this.#served = this.#ask();
    // Told by `dismiss`, which may come later.
    this.#served.catch(() => undefined);
  }

  get median(): number {
    return this.waits.toSorted((a, b) => a - b)[this.waits.length >> 1] ?? NaN;
  }

  get slowest(): number {
    return Math.max(...this.waits);
  }

  /** Throws when a request had no answer in time. */
  async dismiss(): Promise<void> {
    this.#dismissed = true;
    try {
      await this.#served;
    } finally {
      this.client.terminate();
    }
  }

  async #ask(): Promise<void> {
    do {
      const asked = performance.now();
      await this.client.request('echo', this.waits.length, patienceMs);
      this.waits.push(performance.now() - asked);
      await delay(10);
    } while (!this.#dismissed);
  }
}
