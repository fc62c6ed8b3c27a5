import { type CanActivate, ForbiddenException, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  AuthGuard,
  type Clock,
  type Connection,
  HoldfastException,
  HoldfastGateway,
  systemClock,
} from '@holdfast/gateway';
import { HandshakeRefused, TestClient } from '@holdfast/testing';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { Calls, serve, type Served } from './support/dispatch.js';
import { activeSpan, Spans, traceparent } from './support/spans.js';

const secret = 'a secret for traces that is long enough';
const spans = Spans.ofThisFile();

@Injectable()
class MoodyGuard implements CanActivate {
  mood: () => boolean | Promise<boolean> = () => true;
  readonly inside = new Calls<ReturnType<typeof activeSpan>>();

  canActivate(): boolean | Promise<boolean> {
    this.inside.add(activeSpan());
    return this.mood();
  }
}

@UseGuards(MoodyGuard)
@WebSocketGateway({ path: '/traced/:room' })
class TracedGateway extends HoldfastGateway {
  readonly connected = new Calls<ReturnType<typeof activeSpan>>();
  readonly disconnected = new Calls<ReturnType<typeof activeSpan>>();

  override async onConnect(): Promise<void> {
    await Promise.resolve();
    this.connected.add(activeSpan());
  }

  override async onDisconnect(): Promise<void> {
    await Promise.resolve();
    this.disconnected.add(activeSpan());
  }

  @SubscribeMessage('leave')
  leave(connection: Connection): void {
    connection.close(4242, 'as told');
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/secret' })
class SecretGateway {
  @SubscribeMessage('echo')
  echo(data: unknown): unknown {
    return data;
  }
}

function start(clock?: Clock): Promise<Served> {
  return serve([MoodyGuard, TracedGateway, SecretGateway], {
    ...(clock && { clock }),
    options: { auth: { secret, queryParameter: 'token', cookieName: 'session' }, heartbeat: { intervalMs: 0 } },
    admission: { origins: ['https://example.com'] },
  });
}

const name = 'GET /traced/:room';

describe('the span of a handshake', () => {
  it('is one of an HTTP server, answered 101', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url('/traced/red?color=blue'));
    const span = spans.one(name);
    expect(client.protocol).toBe('');
    expect(span.kind).toBe(SpanKind.SERVER);
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/traced/:room',
      'url.path': '/traced/red',
      'http.response.status_code': 101,
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.parentSpanContext).toBeUndefined();
  });

  it.each<[code: string, status: number, isError: boolean, mood: () => boolean]>([
    ['FORBIDDEN', 403, false, () => false],
    [
      'FORBIDDEN',
      403,
      false,
      () => {
        throw new ForbiddenException('not you');
      },
    ],
    [
      'UNAVAILABLE',
      503,
      true,
      () => {
        throw new HoldfastException('UNAVAILABLE', 'the database is away');
      },
    ],
    [
      'INTERNAL',
      500,
      true,
      () => {
        throw new TypeError('nothing is a function');
      },
    ],
  ])('says %s and %d of a refusal by a guard', async (code, status, isError, mood) => {
    await using served = await start();
    served.get(MoodyGuard).mood = mood;
    await expect(TestClient.connect(served.url('/traced/red'))).rejects.toThrow(HandshakeRefused);
    const [span] = await spans.until(name);
    expect(span?.attributes).toMatchObject({ 'http.response.status_code': status, 'error.type': code });
    expect(span?.status.code).toBe(isError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    expect(span?.events.map((event) => event.attributes?.['exception.type'])).toEqual(
      code === 'INTERNAL' ? ['TypeError'] : [],
    );
  });

  it('says so of refusals before any guard, too', async () => {
    await using served = await start();
    const connect = TestClient.connect(served.url('/traced/red'), { origin: 'https://evil.example' });
    await expect(connect).rejects.toThrow(HandshakeRefused);
    const [span] = await spans.until(name);
    expect(span?.attributes).toMatchObject({ 'http.response.status_code': 403, 'error.type': 'ORIGIN_FORBIDDEN' });
    expect(served.get(MoodyGuard).inside.seen).toEqual([]);
  });

  it('continues the traceparent of the request', async () => {
    await using served = await start();
    const headers = { traceparent: traceparent('a'.repeat(32), 'b'.repeat(16)) };
    await using client = await TestClient.connect(served.url('/traced/red'), { headers });
    const span = spans.one(name);
    expect(client.waiting).toEqual([]);
    expect(span.spanContext().traceId).toBe('a'.repeat(32));
    expect(span.parentSpanContext).toMatchObject({ spanId: 'b'.repeat(16), isRemote: true });
  });

  it.each([
    traceparent('0'.repeat(32), 'b'.repeat(16)),
    `${traceparent('a'.repeat(32), 'b'.repeat(16))}-more`,
    'nonsense',
  ])('begins a trace of its own where the traceparent is %s', async (wrong) => {
    await using served = await start();
    await using client = await TestClient.connect(served.url('/traced/red'), { headers: { traceparent: wrong } });
    expect(client.waiting).toEqual([]);
    const span = spans.one(name);
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.spanContext().traceId).not.toBe('a'.repeat(32));
  });

  it.each(['plain', 'sdk'] as const)('is active in guards and in connection hooks (%s)', async (mode) => {
    await using served = await start();
    const connect = mode === 'plain' ? TestClient.connect : TestClient.connectSdk;
    await using client = await connect(served.url('/traced/red'));
    const { connected } = served.get(TracedGateway);
    await connected.called(1);
    expect(client.waiting).toEqual([]);
    const { traceId, spanId } = spans.one(name).spanContext();
    expect(served.get(MoodyGuard).inside.seen[0]).toMatchObject({ traceId, spanId });
    expect(connected.seen[0]).toMatchObject({ traceId, spanId });
  });
});

describe('the span of a close', () => {
  it('names the cause, links to the handshake, and is active in disconnect hooks', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url('/traced/red'));
    client.send({ event: 'leave' });
    await client.closed;
    const { disconnected } = served.get(TracedGateway);
    await disconnected.called(1);
    const close = spans.one('close /traced/:room');
    expect(close.attributes).toMatchObject({
      'holdfast.close.code': 4242,
      'holdfast.close.name': 'APPLICATION',
      'holdfast.close.initiator': 'server',
      'http.route': '/traced/:room',
      'client.address': '127.0.0.1',
    });
    expect(close.attributes['holdfast.connection.duration_ms']).toSatisfy((ms: number) => ms >= 0 && ms < 10_000);
    expect(close.parentSpanContext).toBeUndefined();
    expect(close.links.map(({ context: { spanId } }) => spanId)).toEqual([spans.one(name).spanContext().spanId]);
    const { traceId, spanId } = close.spanContext();
    expect(disconnected.seen[0]).toMatchObject({ traceId, spanId });
  });

  it('lasts as long as the connection did, also when the wall clock was set back meanwhile', async () => {
    let setBackMs = 0;
    await using served = await start({ ...systemClock, wallNow: () => systemClock.wallNow() - setBackMs });
    await using client = await TestClient.connect(served.url('/traced/red'));
    setBackMs = 3_600_000;
    client.send({ event: 'leave' });
    await client.closed;
    const [close] = await spans.until('close /traced/:room');
    expect(close?.attributes['holdfast.connection.duration_ms']).toSatisfy((ms: number) => ms >= 0 && ms < 10_000);
  });

  it('says who left', async () => {
    await using served = await start();
    const client = await TestClient.connect(served.url('/traced/red'));
    await client.close(1001);
    const [close] = await spans.until('close /traced/:room');
    expect(close?.attributes).toMatchObject({ 'holdfast.close.code': 1001, 'holdfast.close.initiator': 'client' });
  });
});

it('a token is in no span, wherever it came from', async () => {
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ada')
    .sign(new TextEncoder().encode(secret));
  await using served = await start();
  const ways: ((token: string) => Promise<TestClient>)[] = [
    (given) => TestClient.connect(served.url(`/secret?token=${given}`)),
    (given) => TestClient.connect(served.url(`/secret?%74oken=${given}`)),
    (given) => TestClient.connect(served.url('/secret'), { token: given }),
    (given) => TestClient.connect(served.url('/secret'), { headers: { cookie: `session=${given}` } }),
    (given) => TestClient.connect(served.url('/secret'), { protocols: ['holdfast.plain', `bearer.${given}`] }),
    (given) => TestClient.connectSdk(served.url('/secret'), { token: given }),
  ];
  for (const way of ways) {
    const client = await way(token);
    await client.request('echo', 1);
    await client.close();
    await way(`${token}x`).catch(() => undefined);
  }
  await spans.until('close /secret', 7);
  await spans.until('GET /secret', 12);
  const signature = token.split('.')[2] ?? token;
  for (const span of spans.all) {
    const { attributes, events, links, status } = span;
    expect(JSON.stringify({ name: span.name, attributes, events, links, status })).not.toContain(signature);
  }
});
