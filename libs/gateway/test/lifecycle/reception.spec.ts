import { UnauthorizedException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Arrival } from '../../src/admission/arrival.js';
import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import type { GatewayInfo } from '../../src/gateways/gateway-info.js';
import { bindingOf, NestBindings } from '../../src/gateways/nest-binding.js';
import { Route } from '../../src/gateways/route.js';
import { PendingWork } from '../../src/ground/pending-work.js';
import { HelloFrames } from '../../src/lifecycle/hello.js';
import { Reception } from '../../src/lifecycle/reception.js';
import { ReturnWindow } from '../../src/telemetry/return-window.js';
import { DispatchKit } from '../support/dispatch-kit.js';
import { closeOf, nextText, upgrade } from '../support/link-kit.js';
import { planOf } from '../dispatch/plans.js';

interface Setup {
  readonly mode?: 'plain' | 'sdk';
  readonly admit?: (arrival: Arrival) => Promise<void> | undefined;
  readonly unusableToken?: string;
  /** A gateway with a connection hook, which is at work until its binding says otherwise. */
  readonly hasHook?: boolean;
  readonly connections?: number;
}

/** A client whose upgrade has just happened. */
async function received({
  mode = 'sdk',
  admit = () => undefined,
  unusableToken,
  hasHook = false,
  connections = 1,
}: Setup = {}) {
  const kit = new DispatchKit();
  const hello = new HelloFrames();
  kit.observers.register('feature', hello);
  kit.reservedFrames.register('$hello', hello.reservedFrames.$hello);
  const handler: HandlerPlan = { ...planOf('say'), direct: { run: () => 'heard' } };
  // All that a route and the reception look at.
  const gateway: Partial<GatewayInfo> = { type: Object, hasConnectionHook: true, hasDisconnectHook: false };
  const gateways = hasHook ? [gateway as GatewayInfo] : [];
  const route = new Route({
    ...{ port: 0, path: '/test', gateways, handlers: new Map([['say', handler]]), guards: { admit } },
    settings: { maxPayloadBytes: 1_024, maxFragments: 16, maxBufferedChunks: 4_096 },
    ...{ format: undefined, subprotocols: [] },
    connectionsOf: () => new Set(),
  });
  const reception = new Reception({
    ...{ conversations: kit.conversations, hello, tracing: kit.tracing },
    ...{ counters: kit.counters, log: kit.log, wheel: kit.wheel },
    bindings: new NestBindings({ log: kit.log, disconnectHooks: new PendingWork() }),
    headerLimits: { headerBytes: 0, keepHeaders: [] },
    returnWindow: new ReturnWindow(kit.clock, () => 0),
    registry: { size: connections },
    resumption: { begin: () => Promise.resolve(undefined) },
    heartbeat: { intervalMs: 25_000, graceMs: 50_000 },
    ...{ handshakeTimeoutMs: 1_000, connectTimeoutMs: 1_000, helloTimeoutMs: 1_000 },
  });
  const { link, server, client } = kit.arriving(mode);
  const { ws, peer, request } = await upgrade(server, client);
  reception.receive(new Arrival(link, route, request, unusableToken), ws);
  const wait = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) kit.clock.advance(100);
  };
  const answer = async (): Promise<unknown> => JSON.parse(await nextText(peer));
  return { kit, link, peer, route, wait, answer };
}

const hello = '{"event":"$hello","data":{}}';

describe('Reception', () => {
  it.each([
    [100, undefined],
    [10_000, 20_000],
    [1_000_000, 30_000],
  ])(
    'tells clients how wide the window of their return is, of %i connections (PROTOCOL.md 10.7)',
    async (connections, ms) => {
      const { peer, answer } = await received({ connections });
      peer.send(hello);
      const { data } = (await answer()) as { data: { returnWindowMs?: number } };
      expect(data.returnWindowMs).toBe(ms);
    },
  );

  it('opens the connection of a plain client at once', async () => {
    const { kit, link, peer, answer } = await received({ mode: 'plain' });
    expect(link.state).toBe('open');
    expect(kit.counters.get('admitted', 'plain')).toBe(1);
    peer.send('{"event":"say","id":1}');
    expect(await answer()).toEqual({ event: '$reply', data: 'heard', id: 1 });
  });

  it('welcomes an SDK client that has said hello and passed the guards', async () => {
    const { link, peer, answer } = await received();
    expect(link.phase).toBe('hello');
    peer.send(hello);
    expect(await answer()).toEqual({
      event: '$welcome',
      data: {
        connectionId: 'the-id',
        heartbeat: { intervalMs: 25_000, graceMs: 50_000 },
        limits: { maxPayloadBytes: 1_024 },
      },
    });
    expect([link.phase, link.state]).toEqual(['admitted', 'open']);
  });

  it('takes the token of $hello, and asks the guards after that', async () => {
    const seen: unknown[] = [];
    const admit = ({ link }: Arrival): undefined => void seen.push(link.connection.credentials);
    const { peer, answer } = await received({ admit });
    peer.send('{"event":"$hello","data":{"token":"the token"}}');
    expect(await answer()).toMatchObject({ event: '$welcome' });
    expect(seen).toEqual(['the token']);
  });

  it.each([
    [
      'throw',
      (): never => {
        throw new UnauthorizedException('no');
      },
    ],
    ['reject', (): Promise<void> => Promise.reject(new UnauthorizedException('no'))],
  ])('says why, and closes with 4401, when guards %s', async (_, admit) => {
    const { peer, answer } = await received({ admit });
    const closed = closeOf(peer);
    peer.send(hello);
    expect(await answer()).toMatchObject({ event: '$error', data: { code: 'UNAUTHORIZED' } });
    expect(await closed).toMatchObject({ code: 4401 });
  });

  it('does not let a client in as nobody when the token that it came with cannot be looked at', async () => {
    let isAsked = false;
    const { peer, answer } = await received({ unusableToken: 'two tokens', admit: () => void (isAsked = true) });
    peer.send(hello);
    expect(await answer()).toMatchObject({ event: '$error', data: { code: 'UNAUTHORIZED', message: 'two tokens' } });
    expect(isAsked).toBe(false);
  });

  it('closes when no $hello comes in time, and not when it has come', async () => {
    const late = await received();
    const closed = closeOf(late.peer);
    late.wait(1_500);
    expect(await closed).toMatchObject({ code: 4408 });
    const early = await received();
    early.peer.send(hello);
    await early.answer();
    early.wait(1_500);
    expect(early.link.state).toBe('open');
  });

  it('closes when guards do not decide in time', async () => {
    const { peer, link, wait, answer } = await received({ admit: () => new Promise(() => undefined) });
    const closed = closeOf(peer);
    peer.send(hello);
    await expect.poll(() => link.phase).toBe('greeted');
    wait(1_500);
    expect(await answer()).toMatchObject({ event: '$error', data: { code: 'HANDLER_TIMEOUT' } });
    expect(await closed).toMatchObject({ code: 4505 });
  });

  it('opens the connection when its hooks have finished, and lets messages wait until then', async () => {
    const { link, peer, answer } = await received({ mode: 'plain', hasHook: true });
    peer.send('{"event":"say","id":1}');
    await expect.poll(() => link.receiver?.waiting).toBe(1);
    expect(link.state).toBe('admitting');
    bindingOf(link)?.connectHooks?.finished();
    expect(await answer()).toEqual({ event: '$reply', data: 'heard', id: 1 });
    expect(link.state).toBe('open');
  });

  it('closes a connection whose hook fails', async () => {
    const { link, peer, answer } = await received({ mode: 'plain', hasHook: true });
    const closed = closeOf(peer);
    bindingOf(link)?.hookFailed(new Error('a bug'));
    expect(await answer()).toMatchObject({ event: '$error', data: { code: 'INTERNAL' } });
    expect(await closed).toMatchObject({ code: 4500 });
  });

  it('calls nothing of Nest where no handler and no hook needs it', async () => {
    const { link, route } = await received({ mode: 'plain' });
    expect(route.isDirect).toBe(true);
    expect(bindingOf(link)).toBeUndefined();
  });
});
