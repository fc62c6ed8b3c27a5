/** A client that sends a request every 20 ms and an HTTP request every 100 ms, and tells how long the answers took. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { RoundTrips } from './round-trips.js';
import type { InnocentAnswer, InnocentOrder } from './wire.js';

const requestEveryMs = 20;
const httpEveryMs = 100;

/** Before the flood: how long a handshake takes is another question. */
async function connect({ port, token }: InnocentOrder): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, {
    perMessageDeflate: false,
    headers: { authorization: `Bearer ${token}` },
  });
  await once(ws, 'open');
  // The first request of a process loads what later ones have.
  await fetch(`http://127.0.0.1:${port}/health/live`);
  return ws;
}

async function watch(ws: WebSocket, { port, seconds }: InnocentOrder): Promise<InnocentAnswer> {
  const requests = new RoundTrips();
  const health = new RoundTrips();
  ws.on('message', (raw: Buffer) => {
    // Every subject answers with the id in the frame, Nest's adapter in its data.
    const { id, data } = JSON.parse(raw.toString()) as { id?: number; data?: { n?: number } };
    requests.end(id ?? data?.n ?? -1);
  });
  let sent = 0;
  const asking = setInterval(() => {
    const id = ++sent;
    requests.begin(id);
    ws.send(`{"event":"echo","id":${id},"data":{"text":"innocent","n":${id}}}`);
  }, requestEveryMs);
  const probing = setInterval(() => {
    const id = ++sent;
    health.begin(id);
    // Without an answer it took until the end.
    void fetch(`http://127.0.0.1:${port}/health/live`).then(
      () => health.end(id),
      () => undefined,
    );
  }, httpEveryMs);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(asking);
  clearInterval(probing);
  ws.terminate();
  return { requestP99: requests.p99(), healthP99: health.p99() };
}

process.once('message', (order: InnocentOrder) => {
  void connect(order).then((ws) => {
    process.once('message', () => {
      void watch(ws, order).then((answer) => process.send?.(answer));
    });
    process.send?.({ connected: true });
  });
});
process.send?.({ ready: true });
