import { ConnectionRegistry, HOLDFAST_LIMITER } from '@holdfast/gateway';
import { HandshakeRefused, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it, vi } from 'vitest';
import { serve, type ServeOptions, type Served } from './support/dispatch.js';
import { MeasuredGateway, measuredPath } from './support/measured.js';
import { Measures } from './support/measures.js';
import { flood } from './support/outbox.js';

const silent = { heartbeat: { intervalMs: 0 } };

/** An application that is measured, and one client of it. */
async function start(given: ServeOptions = { options: silent }): Promise<{
  readonly measures: Measures;
  readonly served: Served;
  readonly client: TestClient;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const measures = new Measures();
  const served = await serve([MeasuredGateway], given);
  const client = await TestClient.connect(served.url('/measured/red'));
  await client.request('echo');
  const close = async (): Promise<void> => {
    client.terminate();
    await served[Symbol.asyncDispose]();
    await measures[Symbol.asyncDispose]();
  };
  return { measures, served, client, [Symbol.asyncDispose]: close };
}

describe('connections', () => {
  it('are shown by state and path, as they come and go', async () => {
    await using bench = await start();
    const { measures, served } = bench;
    const inState = (state: string): Promise<number | undefined> =>
      measures.number('holdfast.connections', { 'http.route': measuredPath, 'holdfast.state': state });
    expect(await inState('open')).toBe(1);
    const silentSdk = await TestClient.connect(served.url('/measured/blue'), { protocols: ['holdfast.v1.json'] });
    const leaving = await TestClient.connect(served.url('/measured/blue'));
    await leaving.request('echo');
    expect([await inState('admitting'), await inState('open')]).toEqual([1, 2]);
    leaving.pause();
    for (const { handshake, id } of served.get(ConnectionRegistry)) {
      if (handshake.params['room'] === 'blue' && handshake.mode === 'plain')
        served.get(ConnectionRegistry).get(id)?.close();
    }
    expect([await inState('admitting'), await inState('open'), await inState('draining')]).toEqual([1, 1, 1]);
    leaving.terminate();
    silentSdk.terminate();
    await measures.until('holdfast.closes', { 'holdfast.close.name': 'NORMAL' }, 1);
    await measures.until('holdfast.closes', { 'holdfast.close.name': 'ABNORMAL' }, 1);
    expect([await inState('admitting'), await inState('open'), await inState('draining')]).toEqual([0, 1, 0]);
    expect(await inState('closed')).toBeUndefined();
  });

  it('are counted when they are admitted, by mode, and when they are refused, by reason', async () => {
    await using bench = await start({ options: silent, admission: { origins: ['https://example.com'] } });
    const { measures, served } = bench;
    await using sdk = await TestClient.connectSdk(served.url('/measured/red'));
    await sdk.request('echo');
    for (const [path, origin] of [
      ['/measured/red', 'https://evil.example'],
      ['/nowhere', undefined],
      ['/nowhere/else', undefined],
    ] as const) {
      const connect = TestClient.connect(served.url(path), origin === undefined ? {} : { origin });
      await expect(connect).rejects.toThrow(HandshakeRefused);
    }
    expect(await measures.number('holdfast.admissions', { 'holdfast.mode': 'plain' })).toBe(1);
    expect(await measures.number('holdfast.admissions', { 'holdfast.mode': 'sdk' })).toBe(1);
    expect(await measures.number('holdfast.refusals', { 'error.type': 'ORIGIN_FORBIDDEN' })).toBe(1);
    expect(await measures.number('holdfast.refusals', { 'error.type': 'PATH_NOT_FOUND' })).toBe(2);
  });

  it('are counted by the cause of their end', async () => {
    await using bench = await start();
    const { measures, client } = bench;
    client.send({ event: 'close' });
    await client.closed;
    await measures.until('holdfast.closes', { 'holdfast.close.name': 'APPLICATION' }, 1);
  });
});

describe('messages', () => {
  it('are counted both ways, and so are their bytes', async () => {
    await using bench = await start();
    const { measures, client } = bench;
    const before = await trafficOf(measures);
    const text = '{"event":"echo","id":7,"data":"naïve €"}';
    client.sendRaw(text);
    await client.next();
    const after = await trafficOf(measures);
    expect(after).toEqual({
      in: { messages: before.in.messages + 1, bytes: before.in.bytes + Buffer.byteLength(text) },
      out: {
        messages: before.out.messages + 1,
        bytes: before.out.bytes + Buffer.byteLength('{"event":"$reply","data":"naïve €","id":7}'),
      },
    });
  });

  it('are counted when they break the protocol, fail, or come to their end too late', async () => {
    const clock = new ManualClock();
    await using bench = await start({ clock, options: { ...silent, messages: { handlerTimeoutMs: 1_000 } } });
    const { measures, client, served } = bench;
    client.send({ event: 'no such event' });
    await client.request('fail', 'CONFLICT').catch(() => undefined);
    const blocked = client.request('block').catch(() => undefined);
    await measures.until('holdfast.messages', { direction: 'in' }, 4);
    clock.advance(1_200);
    await blocked;
    served.get(MeasuredGateway).blocked.open('late');
    await client.request('echo');
    expect(await measures.number('holdfast.violations', { 'error.type': 'UNKNOWN_EVENT' })).toBe(1);
    expect(await measures.number('holdfast.errors', { 'error.type': 'CONFLICT' })).toBe(1);
    expect(await measures.number('holdfast.errors', { 'error.type': 'HANDLER_TIMEOUT' })).toBe(1);
    expect(await measures.number('holdfast.late_results', { 'messaging.destination.name': 'block' })).toBe(1);
    const timedOut = { ...durationOf('block'), 'holdfast.outcome': 'HANDLER_TIMEOUT' };
    expect(await measures.number('holdfast.handler.duration', timedOut)).toBe(1);
  });

  it('are timed from their turn to their answer, by event, gateway and outcome', async () => {
    const clock = new ManualClock();
    await using bench = await start({ clock, options: silent });
    const { measures, client, served } = bench;
    const blocked = client.request('block');
    const next = client.request('echo');
    await measures.until('holdfast.inbox.depth', {}, 1);
    clock.advance(1_500);
    served.get(MeasuredGateway).blocked.open('done');
    await blocked;
    await next;
    await client.request('fail', 'CONFLICT').catch(() => undefined);
    const blockedFor = await measures.histogram('holdfast.handler.duration', durationOf('block'));
    expect(blockedFor).toMatchObject({ count: 1, sum: 1.5 });
    // Seconds, in buckets made for seconds.
    expect(blockedFor.buckets.boundaries).toContain(0.005);
    expect(blockedFor.buckets.boundaries).toContain(10);
    // It had to wait, which is not its own time.
    expect(await measures.histogram('holdfast.handler.duration', durationOf('echo'))).toMatchObject({
      count: 2,
      sum: 0,
    });
    const failed = { ...durationOf('fail'), 'holdfast.outcome': 'CONFLICT' };
    expect(await measures.number('holdfast.handler.duration', failed)).toBe(1);
  });

  it('show where they wait: in the inbox, and what the socket is not read for', async () => {
    await using bench = await start({ options: { ...silent, messages: { inboxMessages: 4 } } });
    const { measures, client, served } = bench;
    for (let index = 0; index < 6; index++) client.send({ event: 'block' });
    await measures.until('holdfast.inbox.depth', {}, 4);
    expect(await measures.number('holdfast.pauses', { 'holdfast.pause.reason': 'inbox' })).toBe(1);
    served.get(MeasuredGateway).blocked.open('done');
    await client.request('echo');
    expect(await measures.number('holdfast.inbox.depth')).toBe(0);
  });

  it('are counted when they pass because the limiter is away', async () => {
    const away = { consume: () => Promise.reject(new Error('away')) };
    await using bench = await start({
      options: silent,
      override: (builder) => builder.overrideProvider(HOLDFAST_LIMITER).useValue(away),
    });
    await bench.client.request('limited');
    const attributes = { 'holdfast.handler': 'MeasuredGateway.limited' };
    expect(await bench.measures.number('holdfast.rate_limit.unchecked', attributes)).toBe(1);
  });
});

describe('events for a client that does not keep up', () => {
  it.each([
    ['refuse', 'holdfast.emit.refusals'],
    ['drop', 'holdfast.emit.drops'],
  ] as const)('show in the outbox, and are counted under %s', async (overflow, name) => {
    await using bench = await start({ options: { ...silent, outbox: { overflow } } });
    const { measures, client, served } = bench;
    const [connection] = [...served.get(ConnectionRegistry)];
    expect(await measures.number('holdfast.outbox.depth')).toBe(0);
    client.pause();
    await flood(connection!);
    expect(await measures.number('holdfast.outbox.depth')).toBeGreaterThan(10);
    expect(await measures.number(name, { 'error.type': 'SLOW_CONSUMER' })).toBe(1);
    client.resume();
    await connection!.flushed();
    expect(await measures.number('holdfast.outbox.depth')).toBe(0);
  });
});

describe('heartbeats', () => {
  it('show their round trips and those that were not answered, by mode', async () => {
    const clock = new ManualClock();
    await using bench = await start({ clock, options: { heartbeat: { intervalMs: 10_000, missedBeats: 5 } } });
    const { measures, served } = bench;
    await using deaf = await TestClient.connectSdk(served.url('/measured/red'), { answerPings: false });
    clock.advance(10_100);
    await measures.until('holdfast.heartbeat.rtt', { 'holdfast.mode': 'plain' }, 1);
    await deaf.next('$ping');
    clock.advance(10_100);
    expect(await measures.number('holdfast.heartbeat.misses', { 'holdfast.mode': 'sdk' })).toBe(1);
    expect(await measures.number('holdfast.heartbeat.misses', { 'holdfast.mode': 'plain' })).toBeUndefined();
    expect((await measures.histogram('holdfast.heartbeat.rtt', { 'holdfast.mode': 'plain' })).sum).toBeLessThan(10);
  });
});

it('a stall of the event loop shows as its lag, and an idle one as none', async () => {
  await using bench = await start();
  const { measures } = bench;
  const lag = (quantile: string): Promise<number | undefined> =>
    measures.number('holdfast.eventloop.lag', { quantile });
  const rounds = async (): Promise<void> => {
    const until = performance.now() + 100;
    while (performance.now() < until) await bench.client.request('echo');
  };
  // The first collection begins to measure.
  expect(await lag('1')).toBe(0);
  // The least of many, for the machine may be busy otherwise. What it measures by, 20 ms, is not the lag.
  let least = Infinity;
  for (let tries = 0; tries < 40 && least > 0.01; tries++) {
    await rounds();
    least = Math.min(least, (await lag('0.99')) ?? Infinity);
  }
  expect(least).toBeLessThan(0.01);
  await rounds();
  const until = performance.now() + 300;
  while (performance.now() < until);
  await rounds();
  expect(await lag('1')).toBeGreaterThan(0.2);
});

it('nobody looks any more at an application that was closed', async () => {
  await using measures = new Measures();
  const served = await serve([MeasuredGateway], { options: silent });
  const looks = [
    // All of these are read by a collection, and by nothing else here.
    vi.spyOn(served.get(ConnectionRegistry), Symbol.iterator),
    vi.spyOn(served.counters, 'of'),
  ];
  await measures.collect();
  for (const look of looks) expect(look).toHaveBeenCalled();
  await served[Symbol.asyncDispose]();
  for (const look of looks) look.mockClear();
  await measures.collect();
  for (const look of looks) expect(look).not.toHaveBeenCalled();
});

interface Traffic {
  readonly in: { readonly messages: number; readonly bytes: number };
  readonly out: { readonly messages: number; readonly bytes: number };
}

async function trafficOf(measures: Measures): Promise<Traffic> {
  const of = async (direction: string) => ({
    messages: (await measures.number('holdfast.messages', { direction })) ?? 0,
    bytes: (await measures.number('holdfast.bytes', { direction })) ?? 0,
  });
  return { in: await of('in'), out: await of('out') };
}

function durationOf(event: string): Record<string, string> {
  return { 'messaging.destination.name': event, 'holdfast.gateway': 'MeasuredGateway', 'holdfast.outcome': 'OK' };
}
