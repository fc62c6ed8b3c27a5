import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AdmissionOptions } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it, vi } from 'vitest';
import { countersOf, deserted, serverOf, start } from './support/admission.js';

@WebSocketGateway({ path: '/open' })
class OpenGateway {
  @SubscribeMessage('hello')
  hello(): string {
    return 'hello';
  }
}

function startWith(admission: Partial<AdmissionOptions> = {}): Promise<HoldfastTestApp> {
  const boundless = { handshakeRate: { limit: Infinity, windowMs: 1_000 }, maxConnectionsPerIp: Infinity };
  return start({ gateways: [OpenGateway], options: { admission: { ...boundless, ...admission } } });
}

const request =
  'GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/**
 * Clients whose requests come at the same moment: the server, in the event loop of this test, finds all of them in one
 * turn.
 */
class Storm {
  private constructor(readonly sockets: readonly Socket[]) {}

  static async connect(app: HoldfastTestApp, count: number): Promise<Storm> {
    let resolve!: () => void;
    const accepted = new Promise<void>((done) => (resolve = done));
    let missing = count;
    serverOf(app).on('connection', () => {
      // A turn of the event loop accepts one connection only: requests come together when all are accepted.
      if (--missing === 0) resolve();
    });
    const sockets = Array.from({ length: count }, () => connect({ host: '127.0.0.1', port: app.port }));
    await accepted;
    return new Storm(sockets);
  }

  /** What each was answered first. */
  begin(): Promise<string>[] {
    return this.sockets.map(async (socket) => {
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString('latin1');
    });
  }

  async end(): Promise<void> {
    const closed = this.sockets.filter(({ closed }) => !closed).map((socket) => once(socket, 'close'));
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(closed);
  }
}

const isGranted = (answer: string): boolean => answer.startsWith('HTTP/1.1 101');

describe('PROTOCOL.md 2.1 step 10 and 2.9: more clients at once than the process can take', () => {
  it('are all let in when none would wait too long, and a connected client is answered', async () => {
    await using app = await startWith();
    await using client = await TestClient.connect(app.url('/open'));
    const storm = await Storm.connect(app, 300);
    const answers = storm.begin();
    expect(await client.request('hello')).toMatchObject({ data: 'hello' });
    expect((await Promise.all(answers)).filter(isGranted)).toHaveLength(300);
    await storm.end();
  });

  it('are refused with 503 OVERLOADED and a time to wait when that would take too long, and take no place', async () => {
    await using app = await startWith({ maxHandshakeWaitMs: 0 });
    const storm = await Storm.connect(app, 100);
    const answers = await Promise.all(storm.begin());
    const refused = answers.filter((answer) => !isGranted(answer));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(100);
    for (const answer of refused) {
      expect(answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: \d+\r\n.*"code":"OVERLOADED".*"retryAfterMs":\d+/is);
    }
    expect(countersOf(app).get('refused', 'OVERLOADED')).toBe(refused.length);
    await storm.end();
    await deserted(app);
    await using client = await TestClient.connect(app.url('/open'));
    expect(await client.request('hello')).toMatchObject({ data: 'hello' });
  });

  it('give their place back when they leave before their turn', async () => {
    await using app = await startWith({ maxHandshakeWaitMs: Infinity, maxConnections: 100 });
    const storm = await Storm.connect(app, 100);
    await Promise.race(storm.begin());
    await storm.end();
    await deserted(app);
    await vi.waitFor(async () => {
      await using client = await TestClient.connect(app.url('/open'));
      expect(await client.request('hello')).toMatchObject({ data: 'hello' });
    });
    expect(countersOf(app).get('refused', 'BAD_HANDSHAKE')).toBeGreaterThan(0);
  });

  it('are refused with 503 DRAINING while they wait when the application closes', async () => {
    const app = await startWith({ maxHandshakeWaitMs: Infinity });
    const storm = await Storm.connect(app, 100);
    // What follows the answer is the close frame of those that were let in.
    for (const socket of storm.sockets) socket.once('data', () => socket.once('data', () => socket.destroy()));
    const answers = storm.begin();
    await Promise.race(answers);
    await app.close();
    const refused = (await Promise.all(answers)).filter((answer) => !isGranted(answer));
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer).toContain('"code":"DRAINING"');
    await storm.end();
  });
});
