import { setTimeout as faultFor } from 'node:timers/promises';
import { TestClient } from '@holdfast/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.js';
import { PingedClient } from './support/pinged-client.js';
import { ScriptProcess } from './support/script-process.js';

const plainClients = 200;
const sdkClients = 20;
const stallMs = 2_000;

let script: string;
beforeAll(async () => {
  script = await bundle('pulse-server.ts');
});

/** A single missed beat of 500 ms is the end: four times over within the stall, if it counted. */
function startServer(): ScriptProcess {
  return ScriptProcess.run(script, ['127.0.0.1', '500', '1']);
}

async function pulseUrl(server: ScriptProcess): Promise<string> {
  return `ws://127.0.0.1:${await server.line('listening')}/pulse`;
}

async function connectAll(url: string): Promise<{ plain: PingedClient[]; sdk: TestClient[] }> {
  const plain = await Promise.all(Array.from({ length: plainClients }, () => PingedClient.connect(url)));
  const sdk = await Promise.all(Array.from({ length: sdkClients }, () => TestClient.connectSdk(url)));
  return { plain, sdk };
}

/** Until each has been asked twice more, and so was judged at least once. */
async function judgedAgain(clients: readonly PingedClient[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      for (const until = client.pings + 2; client.pings < until;) await client.nextPing();
    }),
  );
}

async function expectAllAnswered(plain: readonly PingedClient[], sdk: readonly TestClient[]): Promise<void> {
  const replies = await Promise.all([
    ...plain.map((client, id) => {
      client.send({ event: 'echo', data: 'well', id });
      return client.nextMessage();
    }),
    ...sdk.map((client) => client.request('echo', 'well')),
  ]);
  expect(replies).toHaveLength(plainClients + sdkClients);
  for (const reply of replies) expect(reply).toMatchObject({ event: '$reply', data: 'well' });
}

describe('an event loop of ours that stands still for four heartbeats (PROTOCOL 8.4)', () => {
  it('cuts nobody, though not a single answer was read, and says so once', async () => {
    await using server = startServer();
    const url = await pulseUrl(server);
    const { plain, sdk } = await connectAll(url);
    await judgedAgain(plain);

    server.write(`stall ${stallMs}`);
    await server.line('stalled');
    expect(await server.line('warn')).toMatch(/^The event loop stood still for (1[89]|2\d)\d\d ms/);
    await judgedAgain(plain);
    await expectAllAnswered(plain, sdk);
    server.write('count');
    expect(await server.line('count')).toBe(String(plainClients + sdkClients));
    expect(server.printed).toEqual([]);
  });

  it('cuts nobody when the whole process was stopped, as a machine that is moved is', async () => {
    await using server = startServer();
    const url = await pulseUrl(server);
    const { plain, sdk } = await connectAll(url);
    await judgedAgain(plain);

    server.signal('SIGSTOP');
    await faultFor(stallMs);
    server.signal('SIGCONT');
    await judgedAgain(plain);
    await expectAllAnswered(plain, sdk);
    server.write('count');
    expect(await server.line('count')).toBe(String(plainClients + sdkClients));
  });
});
