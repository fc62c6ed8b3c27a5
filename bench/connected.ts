/** Clients that are connected, each of which sends a request every second, and how long the answers took. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { ConnectedOrder } from './wire.js';

const everyMs = 1_000;

let taken: number[] = [];
const asked: number[] = [];
const clients: WebSocket[] = [];

async function connect({ port, token, connections }: ConnectedOrder): Promise<void> {
  while (clients.length < connections) {
    const number = clients.length;
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, {
      perMessageDeflate: false,
      headers: { authorization: `Bearer ${token}` },
    });
    await once(ws, 'open');
    ws.on('message', () => taken.push(performance.now() - (asked[number] ?? 0)));
    clients.push(ws);
  }
}

/** Spread over the second, so that they do not wait for each other. */
function ask(number: number): void {
  const ws = clients[number];
  if (ws?.readyState !== WebSocket.OPEN) return;
  asked[number] = performance.now();
  ws.send(`{"event":"echo","id":${number},"data":{"text":"connected","n":${number}}}`);
  setTimeout(ask, everyMs, number);
}

process.on('message', (order: ConnectedOrder | 'p99') => {
  if (order === 'p99') {
    taken.sort((a, b) => a - b);
    process.send?.({
      p99: taken[Math.floor(taken.length * 0.99)],
      lost: clients.filter((ws) => ws.readyState !== WebSocket.OPEN).length,
    });
    taken = [];
    return;
  }
  void connect(order).then(() => {
    for (const number of clients.keys()) setTimeout(ask, Math.random() * everyMs, number);
    process.send?.({ connected: true });
  });
});
process.send?.({ ready: true });
