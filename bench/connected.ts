/** Clients that are connected, each of which sends a request every second, and how long the answers took. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { RoundTrips } from './round-trips.js';
import type { ConnectedOrder } from './wire.js';

const everyMs = 1_000;

const requests = new RoundTrips();
let asked = 0;
const clients: WebSocket[] = [];

async function connect({ port, token, connections }: ConnectedOrder): Promise<void> {
  while (clients.length < connections) {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, {
      perMessageDeflate: false,
      headers: { authorization: `Bearer ${token}` },
    });
    await once(ws, 'open');
    ws.on('message', (raw: Buffer) => {
      const { id } = JSON.parse(raw.toString()) as { id: number };
      requests.end(id);
    });
    clients.push(ws);
  }
}

/** Spread over the second, so that they do not wait for each other. */
function ask(ws: WebSocket): void {
  if (ws.readyState !== WebSocket.OPEN) return;
  const id = ++asked;
  requests.begin(id);
  ws.send(`{"event":"echo","id":${id},"data":{"text":"connected","n":${id}}}`);
  setTimeout(ask, everyMs, ws);
}

process.on('message', (order: ConnectedOrder | 'p99') => {
  if (order === 'p99') {
    const lost = clients.filter((ws) => ws.readyState !== WebSocket.OPEN).length;
    process.send?.({ p99: requests.p99(), lost });
    requests.restart();
    return;
  }
  void connect(order).then(() => {
    for (const ws of clients) setTimeout(ask, Math.random() * everyMs, ws);
    process.send?.({ connected: true });
  });
});
process.send?.({ ready: true });
