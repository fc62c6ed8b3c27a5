import type { ClientOptions } from '@holdfast/client';
import { describe, expect, it, vi } from 'vitest';
import { NodeClient } from './support/client-node.js';
import { silenceMs } from './support/client-node-gateway.js';
import { DeskProcess, PeerProcess } from './support/client-node-process.js';

/** Each test waits for several processes. */
vi.setConfig({ testTimeout: 90_000 });

const options: ClientOptions = { connectTimeoutMs: 1_000 };
/** For processes that share two cores; a timer that was late because of it asks the server once more, for 3 s. */
const slackMs = 8_000;

describe('a server process that is stopped, while its kernel goes on', () => {
  it('is left within interval and grace, and met again when it goes on', async () => {
    await using server = await DeskProcess.start();
    using node = await NodeClient.open(server.url, options);
    server.script.signal('SIGSTOP');
    const silentSince = performance.now();
    expect(await node.change('waiting')).toMatchObject({ from: 'open', cause: 'silence', code: 4504 });
    expect(performance.now() - silentSince).toBeLessThan(silenceMs + slackMs);
    // TCP connects all the same.
    expect(await node.change('waiting')).toMatchObject({ from: 'connecting', cause: 'timeout', attempts: 1 });
    server.script.signal('SIGCONT');
    await node.change('open');
    expect(await node.client.request('echo', 'awake')).toBe('awake');
  });

  it('is not waited for longer than the connect timeout, by a client that comes meanwhile', async () => {
    await using server = await DeskProcess.start();
    server.script.signal('SIGSTOP');
    using node = NodeClient.connecting(server.url, options);
    const begun = performance.now();
    expect(await node.change('waiting')).toMatchObject({ cause: 'timeout', reason: 'no welcome within 1000 ms' });
    expect(performance.now() - begun).toBeLessThan(1_000 + slackMs);
    server.script.signal('SIGCONT');
    await node.change('open');
  });

  it('is not waited for by a client that has timed out a request; the next is answered', async () => {
    await using server = await DeskProcess.start();
    using node = await NodeClient.open(server.url, options);
    server.script.signal('SIGSTOP');
    const late = node.client.request('echo', 'late', { timeoutMs: 100 });
    await expect(late).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    server.script.signal('SIGCONT');
    expect(await node.client.request('echo', 'next')).toBe('next');
  });

  it.each([
    ['connected', 'open'],
    ['still connecting', 'connecting'],
  ] as const)('does not keep the process of a client that is closed while %s', async (_when, state) => {
    await using server = await DeskProcess.start();
    await using peer = await PeerProcess.start(server.url, {});
    if (state === 'connecting') server.script.signal('SIGSTOP');
    peer.script.write('connect');
    await peer.change(state);
    server.script.signal('SIGSTOP');
    const left = performance.now();
    peer.script.write('leave');
    expect(await peer.change('closed')).toMatchObject({ from: state, cause: 'close' });
    await peer.script.end();
    // `ws` by itself waits 30 s for the answer to a close.
    expect(performance.now() - left).toBeLessThan(3_000 + slackMs);
    expect(peer.script.exitCode).toBe(0);
    expect(peer.script.printed).toEqual([]);
  });
});

describe('a client process that is done', () => {
  it('ends at once when the server answers its close', async () => {
    await using server = await DeskProcess.start();
    await using peer = await PeerProcess.start(server.url, {});
    peer.script.write('connect');
    await peer.change('open');
    peer.script.write('request echo');
    await peer.script.line('reply');
    peer.script.write('leave');
    await peer.script.end();
    expect(peer.script.exitCode).toBe(0);
  });

  it('ends at once when it waits for its next attempt', async () => {
    await using server = await DeskProcess.start();
    await using peer = await PeerProcess.start(server.url, { backoff: { firstMs: 1e9, maxMs: 1e9 } });
    peer.script.write('connect');
    await peer.change('open');
    server.script.signal('SIGKILL');
    await peer.change('waiting');
    peer.script.write('leave');
    await peer.script.end();
    expect(peer.script.exitCode).toBe(0);
  });
});
