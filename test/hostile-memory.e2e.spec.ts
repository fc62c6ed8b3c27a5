import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame, rawUpgrade, type RawUpgraded, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeCode, endures, ended, freshAddress, intrude, nextEnvelope, pour, textFrame } from './support/hostile.js';
import type { Flood, Load } from './support/hostile-events.js';
import { ServerProcess } from './support/server-process.js';

/**
 * MiB of resident memory that all of this together may cost. Bare `ws` and Nest's own adapter need 700 to 1,000 for
 * most of these alone. Node 20 stays below 150; Node 24 lets garbage of a flood grow to about 310 before it collects.
 */
const bound = 450;

let server: ServerProcess;
/** Makes the server do things, and tells what it does. */
let control: TestClient;

beforeAll(async () => {
  server = await ServerProcess.start();
  control = await TestClient.connect(server.url('/witness'));
});
afterAll(async () => {
  await control[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function load(): Promise<Load> {
  const { data } = await control.request('load');
  return data as Load; // What its handler returns.
}

async function broadcast(flood: Flood): Promise<unknown> {
  const { data } = await control.request('flood', flood, flood.forMs + 5_000);
  return data;
}

describe('JSON that is nested too deep (PROTOCOL.md 3.2)', () => {
  it.each([65, 5_000, 100_000])('by %i levels is refused, and the connection goes on', async (levels) => {
    await endures(server, `${levels} levels`, { memory: bound }, async () => {
      await using client = await TestClient.connect(server.url('/target'));
      client.sendRaw(`{"event":"echo","id":1,"data":${'['.repeat(levels)}${']'.repeat(levels)}}`);
      expect(await client.next()).toMatchObject({ event: '$error', data: { code: 'MALFORMED_FRAME' } });
      const deepest: unknown = JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`);
      expect(await client.request('echo', deepest)).toMatchObject({ data: deepest });
    });
  });
});

describe('a client that reads nothing', () => {
  it('and asks for 64 kB again and again is not read itself; nothing it sent is lost', async () => {
    await endures(server, 'echoes never read', { memory: bound }, async () => {
      const { socket, frames } = await intrude(server);
      socket.pause();
      const data = 'x'.repeat(65_536);
      let asked = 0;
      const begun = performance.now();
      while (performance.now() < begun + 3_000) {
        if (!socket.writableNeedDrain) socket.write(textFrame({ event: 'echo', data, id: ++asked }));
        await delay(1);
      }
      // What is in the buffers of two kernels, of the server and of this process.
      expect(asked).toBeGreaterThan(20);
      expect(asked * 65_536).toBeLessThan(64 * 1024 * 1024);
      socket.resume();
      for (let id = 1; id <= asked; id++) expect(await nextEnvelope(frames)).toMatchObject({ event: '$reply', id });
      socket.destroy();
    });
  });

  it('and gets broadcasts is closed with 4508 and finds that when it reads again (PROTOCOL.md 12.1)', async () => {
    await endures(server, 'broadcasts read late', { memory: bound }, async () => {
      const { socket, frames } = await intrude(server);
      socket.pause();
      const taken = await broadcast({ bytes: 66_000, everyMs: 5, forMs: 1_500 });
      expect(taken).toBeGreaterThan(20);
      socket.resume();
      expect(await closeCode(frames)).toBe(4508);
      socket.destroy();
    });
  });

  it('and gets broadcasts is cut when it never reads again', async () => {
    await endures(server, 'broadcasts never read', { memory: bound }, async () => {
      const { descriptors } = server;
      const attackers = await Promise.all(Array.from({ length: 5 }, () => intrude(server)));
      for (const { socket } of attackers) socket.pause();
      expect(server.descriptors).toBe(descriptors + 5);
      await broadcast({ bytes: 66_000, everyMs: 5, forMs: 2_000 });
      // The time of the closing handshake, 5 s, has to pass as well.
      await expect.poll(() => server.descriptors, { timeout: 8_000 }).toBe(descriptors);
      for (const { socket } of attackers) socket.destroy();
    });
  });

  it('and sends pings without end is cut', async () => {
    await endures(server, 'ping flood', { memory: bound }, async () => {
      const { socket } = await intrude(server);
      socket.pause();
      const pings = Buffer.concat(
        Array.from({ length: 500 }, () => encodeFrame({ opcode: 9, payload: 'p'.repeat(125) })),
      );
      await pour(socket, pings, 5_000);
      expect(socket.destroyed).toBe(true);
    });
  });
});

describe('frames larger than allowed (PROTOCOL.md 3.10)', () => {
  it('are refused by their header: ten times 99 MB', async () => {
    await endures(server, 'partial 99 MB frames', { memory: bound }, async () => {
      const header = encodeFrame({ claimedLength: 99_000_000 });
      const megabyte = Buffer.alloc(1_000_000, 32);
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const { socket, frames } = await intrude(server);
          socket.write(header);
          const code = closeCode(frames);
          await pour(socket, megabyte, 3_000, 95);
          expect(await code).toBe(1009);
          socket.destroy();
        }),
      );
    });
  });

  it('are not parsed: a text of 30 MB', async () => {
    await endures(server, '30 MB of JSON', { memory: bound }, async () => {
      const { socket, frames } = await intrude(server);
      const code = closeCode(frames);
      const text = `{"event":"unheard-of","data":[${'1,'.repeat(15_000_000)}1]}`;
      socket.write(encodeFrame({ claimedLength: text.length }));
      socket.write(text);
      expect(await code).toBe(1009);
      await ended(socket);
      socket.destroy();
    });
  });

  it('and those just within the limit are held unfinished, by no more than the limit each', async () => {
    await endures(server, '180 unfinished frames of 256 KiB', { memory: bound }, async () => {
      const unfinished = Buffer.concat([encodeFrame({ claimedLength: 262_144 }), Buffer.alloc(262_000, 32)]);
      const addresses = [freshAddress(), freshAddress()];
      const attackers: RawUpgraded[] = [];
      for (let i = 0; i < 90; i++) {
        attackers.push(...(await Promise.all(addresses.map((from) => intrude(server, '/target', from)))));
      }
      await Promise.all(attackers.map(({ socket }) => new Promise((flushed) => socket.write(unfinished, flushed))));
      // By then the server has read what came before.
      await control.request('echo');
      for (const { socket } of attackers) {
        expect(socket.readyState).toBe('open');
        socket.destroy();
      }
    });
  });
});

describe('unfinished frames of many connections, 160 MiB in all (PROTOCOL.md 12.1)', () => {
  it.each([
    ['one frame each', (payload: Buffer) => Buffer.concat([encodeFrame({ claimedLength: 262_144 }), payload])],
    ['fragments', (payload: Buffer) => encodeFrame({ payload, fin: false })],
  ])('are held up to 64 MiB (%s); those that hold most are closed with 1013', async (_what, unfinished) => {
    await endures(server, '640 unfinished frames', { memory: bound, lines: 10 }, async () => {
      const bytes = unfinished(Buffer.alloc(262_000, 32));
      const attackers: RawUpgraded[] = [];
      while (attackers.length < 640) {
        attackers.push(...(await Promise.all(Array.from({ length: 40 }, () => intrude(server)))));
      }
      const codes: number[] = [];
      for (const { frames } of attackers) void closeCode(frames).then((code) => codes.push(code));
      for (const { socket } of attackers) socket.write(bytes);
      // 256 of them are 64 MiB.
      await expect.poll(() => codes.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(640 - 256);
      console.log(`${codes.length} of 640 are closed, ${codes.filter((code) => code === 1013).length} with 1013`);
      expect(codes.length).toBeLessThan(640 - 200);
      expect(new Set(codes)).toEqual(new Set([1013]));
      for (const { socket } of attackers) socket.destroy();
    });
  });
});

it('a compressed bomb does not unfold, because nothing is ever compressed', async () => {
  await endures(server, 'compressed frames', { memory: bound }, async () => {
    for (let i = 0; i < 10; i++) {
      const upgraded = await rawUpgrade(server.url('/target'), {
        localAddress: freshAddress(),
        headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
      });
      if (!upgraded.upgraded) throw new Error('refused');
      upgraded.socket.write(encodeFrame({ rsv: 4, payload: Buffer.alloc(100_000, 0xff) }));
      expect(await closeCode(upgraded.frames)).toBe(1002);
      upgraded.socket.destroy();
    }
  });
});

describe('more messages than can be handled', () => {
  it('tiny ones, as fast as they go: others are served meanwhile', async () => {
    await endures(server, 'tiny messages', { memory: bound }, async () => {
      const { socket } = await intrude(server);
      // Reads the answers and throws them away.
      socket.removeAllListeners('data').resume();
      const answers = socket.bytesRead;
      const many = Buffer.concat(Array.from({ length: 1_000 }, () => textFrame({ event: 'echo', data: 0 })));
      await pour(socket, many, 3_000);
      expect((socket.bytesRead - answers) / textFrame({ event: 'echo', data: 0 }).length).toBeGreaterThan(10_000);
      socket.destroy();
    });
  });

  it('that unfold to many times their size: 38 connections, each with an inbox full of small objects', async () => {
    await endures(server, 'inboxes of small objects', { memory: bound }, async () => {
      const attackers = await Promise.all(Array.from({ length: 38 }, () => intrude(server)));
      const objects = textFrame({ event: 'echo', data: Array.from({ length: 4_000 }, () => ({})) });
      const full = Buffer.concat([
        textFrame({ event: 'work', data: 3_000 }),
        ...Array.from({ length: 100 }, () => objects),
      ]);
      for (const { socket } of attackers) socket.write(full);
      // By then the server has read what it takes, and no handler has ended.
      await control.request('echo');
      await control.request('echo');
      for (const { socket } of attackers) socket.destroy();
    });
  });

  it.each([
    ['work', 1],
    ['work8', 8],
  ])('200,000 for a handler "%s" of one second: %i at work, the rest waits in the network', async (event, atOnce) => {
    // Handlers of a connection that has ended come to their end all the same.
    await expect.poll(async () => (await load()).inFlight, { timeout: 3_000 }).toBe(0);
    await load();
    await endures(server, `200,000 for ${event}`, { memory: bound }, async () => {
      const { socket } = await intrude(server);
      const { handled } = await load();
      const padding = 'p'.repeat(60);
      const many = Buffer.concat(
        Array.from({ length: 1_000 }, () => textFrame({ event, data: 1_000, id: 1, trace: padding })),
      );
      const written = await pour(socket, many, 2_500, 200);
      // The server has stopped reading: 200 of these would be 25 MB.
      expect(written).toBeLessThan(200);
      expect(socket.writableLength).toBeGreaterThan(0);
      const now = await load();
      expect(now.maxInFlight).toBe(atOnce);
      expect(now.handled - handled).toBeLessThanOrEqual(4 * atOnce);
      socket.destroy();
    });
  });
});
