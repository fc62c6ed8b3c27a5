/** A fleet that comes back: bare sockets, so that this process takes as little as possible of the core it shares. */
import { connect } from 'node:net';
import type { ReturningAnswer, ReturningOrder } from './wire.js';

const firstBackoffMs = 1_000;
const longestBackoffMs = 30_000;

const retryAfterPattern = /"retryAfterMs":(\d+)/;

function requestWith(token: string): string {
  return (
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${token}\r\n\r\n`
  );
}

function returnAll({ port, token, connections, windowMs }: ReturningOrder): Promise<ReturningAnswer> {
  const request = requestWith(token);
  const startedAt = performance.now();
  const counts = { refused: 0, failed: 0 };
  let missing = connections;
  return new Promise((resolve) => {
    const attempt = (number: number, backoffMs: number): void => {
      // An address for each 5,000 of them: one address has not enough ports for all.
      const localAddress = `127.0.1.${1 + Math.floor(number / 5_000)}`;
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      let retryMs = Math.random() * backoffMs;
      let isIn = false;
      socket.write(request);
      socket.once('data', (answer: Buffer) => {
        const text = answer.toString('latin1');
        if (text.startsWith('HTTP/1.1 101')) {
          isIn = true;
          missing -= 1;
          if (missing === 0) resolve({ ...counts, ms: performance.now() - startedAt });
          return;
        }
        counts.refused += 1;
        const told = retryAfterPattern.exec(text)?.[1];
        // Browsers do not show the answer of a refused handshake to scripts: half of the fleet cannot obey.
        if (told !== undefined && number % 2 === 0) retryMs = Number(told);
        socket.destroy();
      });
      socket.on('error', () => (counts.failed += 1));
      socket.once('close', () => {
        if (!isIn) setTimeout(attempt, retryMs, number, Math.min(longestBackoffMs, backoffMs * 2));
      });
    };
    for (let number = 0; number < connections; number++) {
      setTimeout(attempt, Math.random() * windowMs, number, firstBackoffMs);
    }
  });
}

process.once('message', (order: ReturningOrder) => {
  void returnAll(order).then((answer) => process.send?.(answer));
});
process.send?.({ ready: true });
