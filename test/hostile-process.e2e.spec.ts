import { once } from 'node:events';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { dial, intrude, patienceMs, pour, textFrame } from './support/hostile.js';
import { ServerProcess } from './support/server-process.js';

describe('SIGTERM while hostile clients are connected', () => {
  it('is 1012 for everybody who reads, and the others do not keep the process (PROTOCOL.md 10)', async () => {
    await using server = await ServerProcess.start({ lifecycle: { closeTimeoutMs: 1_000, drainTimeoutMs: 3_000 } });
    const plain = await Promise.all(Array.from({ length: 60 }, () => TestClient.connect(server.url('/target'))));
    const sdk = await Promise.all(Array.from({ length: 30 }, () => TestClient.connectSdk(server.url('/target'))));
    const deaf = await intrude(server);
    deaf.socket.pause();
    await pour(deaf.socket, textFrame({ event: 'echo', data: 'x'.repeat(65_536) }), 500);
    const mute = dial(server);
    await once(mute, 'connect');
    const halfway = dial(server);
    halfway.write('GET /target HTTP/1.1\r\n');

    server.signal('SIGTERM');
    const ends = await Promise.all([...plain, ...sdk].map(({ closed }) => closed));
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1012]));
    for (const client of sdk) expect(client.waiting).toEqual(['$drain']);
    expect(await server.ended).toEqual({ code: 0, signal: null });
    for (const socket of [deaf.socket, mute, halfway]) socket.destroy();
  });
});

describe('no descriptor left (EMFILE)', () => {
  it('those who are connected stay and are served, newcomers are let in when there are some again', async () => {
    await using server = await ServerProcess.start();
    await using client = await TestClient.connect(server.url('/target'));
    await using sdk = await TestClient.connectSdk(server.url('/target'));
    const logged = server.lines.length;
    server.exhaustDescriptors();

    let slowest = 0;
    for (let i = 0; i < 50; i++) {
      expect(await outcomeOf(TestClient.connect(server.url('/target')))).toBe('ConnectionEnded');
      const asked = performance.now();
      await Promise.all([client.request('echo', i, patienceMs), sdk.request('echo', i, patienceMs)]);
      slowest = Math.max(slowest, performance.now() - asked);
    }
    console.log(`EMFILE: others waited ${slowest.toFixed(0)} ms at most`);
    server.grantDescriptors();

    await using newcomer = await TestClient.connect(server.url('/target'));
    expect(await newcomer.request('echo', 'in')).toMatchObject({ data: 'in' });
    expect(await client.request('echo', 'still')).toMatchObject({ data: 'still' });
    expect(server.end).toBeUndefined();
    expect(server.lines.slice(logged)).toEqual([]);
  });
});

/** The name of what a connection failed with. */
async function outcomeOf(connecting: Promise<TestClient>): Promise<string> {
  try {
    const client = await connecting;
    client.terminate();
    return 'connected';
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
