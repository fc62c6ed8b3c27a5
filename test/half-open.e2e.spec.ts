import { join } from 'node:path';
import { setTimeout as faultFor } from 'node:timers/promises';
import { FaultProxy } from '@holdfast/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.js';
import { PulseApp, pulsePath } from './support/heartbeat.js';
import { addresses, netnsAvailable, NetworkNamespaces } from './support/netns.js';
import { PingedClient } from './support/pinged-client.js';
import { requires } from './support/requirement.js';
import { ScriptProcess } from './support/script-process.js';

const describeInNamespaces = requires('network namespaces', netnsAvailable);
const silenceClient = join(import.meta.dirname, 'support/fixtures/silence-client.js');

const quick = { intervalMs: 300, missedBeats: 2 };
/**
 * Silent from the pong on: it still answers for the first beat, then misses two. Each beat is late by a tick at most.
 */
const latestCutMs = (quick.missedBeats + 1) * (quick.intervalMs + 100);
/** For processes that share two cores. */
const slackMs = 2_000;

const lost = {
  code: 4504,
  name: 'HEARTBEAT_LOST',
  initiator: 'server',
  reason: 'no sign of life for 2 heartbeats',
};

describeInNamespaces('a peer behind a network that swallows every packet', () => {
  let script: string;
  beforeAll(async () => {
    script = await bundle('pulse-server.ts');
  });

  it('is cut by missed beats, with its cause, though no FIN and no RST ever comes', async () => {
    await using net = await NetworkNamespaces.create();
    const server = net.run('server', script, [addresses.server, String(quick.intervalMs), String(quick.missedBeats)]);
    const port = Number(await server.line('listening'));
    const client = net.run('client', silenceClient, [`ws://${addresses.server}:${port}${pulsePath}`]);
    await client.line('open');
    server.write('count');
    expect(await server.line('count')).toBe('1');

    await net.blackhole(port);
    const silentSince = performance.now();
    expect(JSON.parse(await server.line('left'))).toEqual(lost);
    expect(performance.now() - silentSince).toBeLessThan(latestCutMs + slackMs);
    server.write('count');
    expect(await server.line('count')).toBe('0');
    // The other end does not even know.
    expect(client.printed).toEqual([]);
  });

  it('stays when the network heals in time', async () => {
    await using net = await NetworkNamespaces.create();
    // Long enough for TCP to repeat what was lost, which it does ever more seldom.
    const server = net.run('server', script, [addresses.server, '500', '8']);
    const port = Number(await server.line('listening'));
    const client = net.run('client', silenceClient, [`ws://${addresses.server}:${port}${pulsePath}`]);
    await client.line('open');

    await net.blackhole(port);
    expect(Number(await server.line('missed'))).toBeGreaterThan(0);
    await net.heal();
    client.write(JSON.stringify({ event: 'echo', data: 'back', id: 1 }));
    expect(await client.line('message')).toBe('{"event":"$reply","data":"back","id":1}');
    server.write('count');
    expect(await server.line('count')).toBe('1');
    expect(client.printed.filter((line) => line.startsWith('closed'))).toEqual([]);
  });
});

describe('a peer behind a proxy that falls silent', () => {
  it('is cut by missed beats, and its neighbour is not', async () => {
    await using app = await PulseApp.start({ options: { heartbeat: quick } });
    await using proxy = await FaultProxy.start(app.nest.port);
    await using far = await PingedClient.connect(proxy.url(pulsePath));
    await using near = await PingedClient.connect(app.url);
    await far.nextPing();

    proxy.pause();
    const silentSince = performance.now();
    expect(await app.nextDeparture()).toEqual(lost);
    expect(performance.now() - silentSince).toBeLessThan(latestCutMs + slackMs);
    near.send({ event: 'echo', data: 'near', id: 1 });
    expect(await near.nextMessage()).toMatchObject({ data: 'near' });
    expect(app.connections).toHaveLength(1);
  });

  it('stays when the proxy speaks again in time', async () => {
    await using app = await PulseApp.start({ options: { heartbeat: { intervalMs: 300, missedBeats: 5 } } });
    await using proxy = await FaultProxy.start(app.nest.port);
    await using far = await PingedClient.connect(proxy.url(pulsePath));
    await using near = await PingedClient.connect(app.url);
    await far.nextPing();

    proxy.pause();
    // The neighbour's beats are the clock of this fault.
    while (app.missedBeats('plain') < 2) await near.nextPing();
    proxy.resume();
    await far.settle();
    for (let beat = 0; beat < 6; beat++) await far.nextPing();
    expect(app.connections).toHaveLength(2);
  });
});

describe('a client process that is stopped', () => {
  it('is cut, though its kernel goes on acknowledging every packet', async () => {
    await using app = await PulseApp.start({ options: { heartbeat: quick } });
    await using stopped = ScriptProcess.run(silenceClient, [app.url]);
    await stopped.line('open');
    await using near = await PingedClient.connect(app.url);
    stopped.signal('SIGSTOP');
    expect(await app.nextDeparture()).toEqual(lost);
    expect(app.connections).toHaveLength(1);
    expect(near.pings).toBeGreaterThan(0);
    // The goodbye was waiting for it all the time.
    stopped.signal('SIGCONT');
    expect(await stopped.line('closed')).toBe('4504');
  });

  it('stays when it goes on in time', async () => {
    await using app = await PulseApp.start({ options: { heartbeat: { intervalMs: 300, missedBeats: 5 } } });
    await using stopped = ScriptProcess.run(silenceClient, [app.url]);
    await stopped.line('open');
    stopped.signal('SIGSTOP');
    while (app.missedBeats('plain') < 2) await faultFor(10);
    stopped.signal('SIGCONT');
    stopped.write(JSON.stringify({ event: 'echo', data: 'awake', id: 1 }));
    expect(JSON.parse(await stopped.line('message'))).toMatchObject({ data: 'awake' });
    expect(app.connections).toHaveLength(1);
  });
});
