import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { Logger } from '@nestjs/common';
import { ManualClock } from '@holdfast/testing';
import { wsOptions } from '../../src/admission/ws-options.js';
import type { FrameReceiver } from '../../src/connection/frame-receiver.js';
import type { Handshake } from '../../src/connection/handshake.js';
import { Link, type LinkObserver, type LinkParts } from '../../src/connection/link.js';
import type { Lease } from '../../src/connection/link-facts.js';
import { LinkedWebSocket } from '../../src/connection/linked-web-socket.js';
import { textOf } from '../../src/dispatch/message-bytes.js';
import { BoundedLog } from '../../src/ground/bounded-log.js';
import { TimerWheel } from '../../src/ground/timer-wheel.js';
import { UnfinishedBytes } from '../../src/intake/unfinished-bytes.js';
import { LinkObservers } from '../../src/lifecycle/observers.js';
import { Counters } from '../../src/telemetry/counters.js';
import { Traffic } from '../../src/telemetry/traffic.js';
import { TrafficMeter } from '../../src/telemetry/traffic-meter.js';

// What is logged is counted or answered, too, and that is what tests look at.
Logger.overrideLogger(false);

/** What links are made with, on a clock that the test moves. */
export class LinkKit {
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly counters = new Counters();
  readonly traffic = new Traffic();
  readonly log = new BoundedLog('test', this.clock);
  readonly observers = new LinkObservers(this.log);
  readonly parts: LinkParts = {
    observers: this.observers,
    rooms: { of: () => ({ names: new Set(), join: () => Promise.resolve(), leave: () => undefined }) },
    meter: new TrafficMeter(this.traffic, this.counters, this.log),
    wheel: this.wheel,
    log: this.log,
    intake: {
      unfinished: new UnfinishedBytes(undefined, () => undefined),
      bytesPerSecond: Infinity,
      clock: this.clock,
    },
    outboxLimits: { highWaterBytes: 65_536, lowWaterBytes: 16_384, overflow: 'close' },
    closeTimeoutMs: 1_000,
  };

  constructor(observer: LinkObserver = {}) {
    this.observers.register('feature', observer);
  }

  /** A link that has no socket of `ws` yet, as during the handshake. */
  arriving(mode: Handshake['mode'] = 'plain', lease: Lease = new CountedLease()): ArrivingLink {
    const [server, client] = duplexPair();
    const link = new Link(this.parts, server, {
      id: 'the-id',
      handshake: handshakeOf(mode),
      joinedAt: 0,
      startedAt: 0,
      isTraced: false,
      place: { route: '/test', keys: [], format: undefined },
      lease,
    });
    return { link, server, client };
  }

  /** A link whose upgrade has happened, with a real client at the other end. */
  async attached(receiverOf: (link: Link) => FrameReceiver, mode: Handshake['mode'] = 'plain'): Promise<AttachedLink> {
    const { link, server, client } = this.arriving(mode);
    const { ws, peer } = await upgrade(server, client);
    link.attach(ws, receiverOf(link));
    return { link, peer };
  }
}

interface ArrivingLink {
  readonly link: Link;
  readonly server: ReturnType<typeof duplexPair>[0];
  readonly client: ReturnType<typeof duplexPair>[0];
}

interface AttachedLink {
  readonly link: Link;
  readonly peer: WebSocket;
}

/** Counts what is done with it. */
export class CountedLease implements Lease {
  released = 0;
  readonly bound: string[] = [];

  constructor(private readonly hasRoom = true) {}

  bindPrincipal(subject: string): boolean {
    if (this.hasRoom) this.bound.push(subject);
    return this.hasRoom;
  }

  leavePrincipal(): void {
    this.bound.length = 0;
  }

  release(): void {
    this.released++;
  }
}

/** Writes down what it is told. */
export class RecordingReceiver implements FrameReceiver {
  readonly told: unknown[] = [];
  readonly waiting = 0;

  reading(): void {}

  hasRead(): void {}

  received(data: RawData): void {
    this.told.push(textOf(data));
  }

  congested(isCongested: boolean): void {
    this.told.push({ isCongested });
  }

  discard(): void {
    this.told.push('discard');
  }

  ended(): void {
    this.told.push('ended');
  }

  onceIdle(callback: () => void): void {
    callback();
  }
}

/** Both ends of a WebSocket of `ws`, in memory and without a port. */
export async function upgrade(
  server: ReturnType<typeof duplexPair>[0],
  client: ReturnType<typeof duplexPair>[0],
): Promise<{ ws: LinkedWebSocket; peer: WebSocket; request: IncomingMessage }> {
  const limits = { maxPayloadBytes: 65_536, maxFragments: 16, maxBufferedChunks: 4_096 };
  const sockets = new WebSocketServer(wsOptions(limits, 1_000));
  const http = createServer();
  const upgraded = new Promise<{ ws: LinkedWebSocket; request: IncomingMessage }>((resolve) => {
    http.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (ws) => {
        if (ws instanceof LinkedWebSocket) resolve({ ws, request });
      });
    });
  });
  http.emit('connection', server);
  // The types of `ws` leave out what it hands on to http.request.
  const options = { createConnection: () => client } as object;
  const peer = new WebSocket('ws://in.memory/', options);
  const { ws, request } = await upgraded;
  return { ws, peer, request };
}

/** The next text that a client gets. */
export function nextText(peer: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    peer.once('message', (data: Buffer) => resolve(data.toString()));
  });
}

/** How a client sees its connection end. */
export function closeOf(peer: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    peer.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

function handshakeOf(mode: Handshake['mode']): Handshake {
  return {
    route: '/test',
    path: '/test',
    params: {},
    query: new URLSearchParams(),
    headers: {},
    ip: '127.0.0.1',
    origin: undefined,
    secure: false,
    subprotocol: '',
    mode,
  };
}
