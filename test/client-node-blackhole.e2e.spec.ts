import { setTimeout as faultFor } from 'node:timers/promises';
import type { ClientOptions } from '@holdfast/client';
import { FaultProxy } from '@holdfast/testing';
import { describe, expect, it, vi } from 'vitest';
import { NodeClient } from './support/client-node.js';
import { deskPath, silenceMs } from './support/client-node-gateway.js';
import { DeskProcess, PeerProcess } from './support/client-node-process.js';
import { netnsAvailable, NetworkNamespaces } from './support/netns.js';
import { requires } from './support/requirement.js';

/** Each test waits for several processes. */
vi.setConfig({ testTimeout: 90_000 });

const describeInNamespaces = requires('network namespaces', netnsAvailable);

const options: ClientOptions = { connectTimeoutMs: 1_000 };
const silence = { from: 'open', cause: 'silence', code: 4504, attempts: 0 };
/** For processes that share two cores; a timer that was late because of it asks the server once more, for 3 s. */
const slackMs = 8_000;

describeInNamespaces('a client whose server is behind a network that swallows every packet', () => {
  it('leaves within interval and grace, and is back when the network is', async () => {
    await using net = await NetworkNamespaces.create();
    await using server = await DeskProcess.start(net);
    await using peer = await PeerProcess.start(server.url, options, net);
    peer.script.write('connect');
    await peer.change('open');

    await net.blackhole(server.port);
    const silentSince = performance.now();
    expect(await peer.change('waiting')).toMatchObject(silence);
    expect(performance.now() - silentSince).toBeLessThan(silenceMs + slackMs);
    // Not even the first packet of a new connection is answered.
    expect(await peer.change('waiting')).toMatchObject({ from: 'connecting', cause: 'timeout', attempts: 1 });

    await net.heal();
    await peer.change('open');
    peer.script.write('request echo');
    expect(await peer.script.line('reply')).toBe('null');
  });

  it('gives up a handshake within the connect timeout, and is there when the network is', async () => {
    await using net = await NetworkNamespaces.create();
    await using server = await DeskProcess.start(net);
    await using peer = await PeerProcess.start(server.url, options, net);
    await net.blackhole(server.port);
    peer.script.write('connect');
    const begun = performance.now();
    expect(await peer.change('waiting')).toMatchObject({ cause: 'timeout', reason: 'no welcome within 1000 ms' });
    expect(performance.now() - begun).toBeLessThan(1_000 + slackMs);
    await net.heal();
    await peer.change('open');
  });

  it('lets its process end in a moment when it is closed there', async () => {
    await using net = await NetworkNamespaces.create();
    await using server = await DeskProcess.start(net);
    await using peer = await PeerProcess.start(server.url, options, net);
    peer.script.write('connect');
    await peer.change('open');
    await net.blackhole(server.port);
    const left = performance.now();
    peer.script.write('leave');
    await peer.change('closed');
    await peer.script.end();
    expect(performance.now() - left).toBeLessThan(slackMs);
    expect(peer.script.exitCode).toBe(0);
  });
});

describe('a client behind a proxy that falls silent', () => {
  it('leaves within interval and grace, and is back when the proxy speaks again', async () => {
    await using server = await DeskProcess.start();
    await using proxy = await FaultProxy.start(server.port);
    using node = await NodeClient.open(proxy.url(deskPath), options);
    const first = node.client.connectionId;

    proxy.pause();
    const silentSince = performance.now();
    expect(await node.change('waiting')).toMatchObject(silence);
    expect(performance.now() - silentSince).toBeLessThan(silenceMs + slackMs);
    // The proxy takes connections, and passes nothing on.
    expect(await node.change('waiting')).toMatchObject({ from: 'connecting', cause: 'timeout', attempts: 1 });

    proxy.resume();
    await node.change('open');
    expect(await node.client.request('echo', 'back')).toBe('back');
    expect(node.client.connectionId).not.toBe(first);
  });

  it('does not leave when the proxy speaks again in time', async () => {
    await using server = await DeskProcess.start();
    await using proxy = await FaultProxy.start(server.port);
    using node = await NodeClient.open(proxy.url(deskPath), options);
    const first = node.client.connectionId;
    proxy.pause();
    const answer = node.client.request('echo', 'late');
    await faultFor(silenceMs / 4);
    proxy.resume();
    expect(await answer).toBe('late');
    expect(node.client.connectionId).toBe(first);
  });
});
