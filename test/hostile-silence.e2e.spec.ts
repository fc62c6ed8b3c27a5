import { SDK_SUBPROTOCOL_JSON } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endures, intrude, pour, textFrame } from './support/hostile.js';
import { PingedClient } from './support/pinged-client.js';
import { ServerProcess } from './support/server-process.js';

const helloTimeoutMs = 500;
const crowd = 60;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({
    heartbeat: { intervalMs: 300, missedBeats: 2 },
    lifecycle: { helloTimeoutMs },
    admission: { handshakeRate: { limit: 1_000_000, windowMs: 1_000 } },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

function connectAll(options: { protocols?: readonly string[]; autoPong?: boolean }): Promise<PingedClient[]> {
  return Promise.all(Array.from({ length: crowd }, () => PingedClient.connect(server.url('/target'), options)));
}

describe('clients that upgrade and then say nothing', () => {
  it('are closed with 4408 when they owe $hello (PROTOCOL.md 6.1)', async () => {
    await endures(server, 'no $hello', { memory: 60 }, async () => {
      const begun = performance.now();
      const clients = await connectAll({ protocols: [SDK_SUBPROTOCOL_JSON] });
      const codes = await Promise.all(clients.map(({ closed }) => closed));
      expect(codes).toEqual(Array<number>(crowd).fill(4408));
      expect(performance.now() - begun).toBeGreaterThan(helloTimeoutMs - 1);
    });
  });

  it('stay when they answer pings, as every WebSocket library does', async () => {
    await endures(server, 'silent but alive', { memory: 60 }, async () => {
      const clients = await connectAll({});
      await Promise.all(
        clients.map(async (client) => {
          while (client.pings < 5) await client.nextPing();
          client.send({ event: 'echo', data: 'here', id: 1 });
          expect(await client.nextMessage()).toMatchObject({ data: 'here' });
        }),
      );
      for (const client of clients) await client[Symbol.asyncDispose]();
    });
  });

  it('are cut with 4504 when they do not (PROTOCOL.md 8.4)', async () => {
    await endures(server, 'silent and dead', { memory: 60 }, async () => {
      const clients = await connectAll({ autoPong: false });
      const codes = await Promise.all(clients.map(({ closed }) => closed));
      expect(codes).toEqual(Array<number>(crowd).fill(4504));
    });
  });

  it('or read nothing of what they asked for are cut as well', async () => {
    await endures(server, 'asks and never reads', { memory: 80 }, async () => {
      const { descriptors } = server;
      const { socket } = await intrude(server);
      socket.pause();
      const ask = textFrame({ event: 'echo', data: 'x'.repeat(65_536) });
      // Writing is how a client that reads nothing hears of its end.
      await pour(socket, ask, 8_000);
      expect(socket.destroyed).toBe(true);
      expect(server.descriptors).toBe(descriptors);
    });
  });

  it('or leave while the server does not read are noticed by the pings that go nowhere', async () => {
    await endures(server, 'leaves with a full inbox', { memory: 80 }, async () => {
      const { descriptors } = server;
      const { socket } = await intrude(server);
      // Without an id there is no answer either, by whose failure the server could notice.
      const busy = textFrame({ event: 'work8', data: 1_000, trace: 'p'.repeat(200) });
      await pour(socket, Buffer.concat(Array.from({ length: 1_000 }, () => busy)), 1_000);
      expect(socket.writableLength).toBeGreaterThan(0);
      socket.destroy();
      await expect.poll(() => server.descriptors, { timeout: 3_000 }).toBe(descriptors);
    });
  });
});
