import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { ManualClock, TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { serve, type Served, untilQuiet } from './support/dispatch.js';
import { Spans, traceparent } from './support/spans.js';
import { seen, TracedGateway, tracedPath } from './support/traced.js';

const spans = Spans.ofThisFile();
const given = traceparent('c'.repeat(32), 'd'.repeat(16));

function start(clock?: ManualClock): Promise<Served> {
  const options = { heartbeat: { intervalMs: 0 }, messages: { handlerTimeoutMs: 1_000 } };
  return serve([TracedGateway], { options, ...(clock ? { clock } : {}) });
}

beforeEach(() => {
  for (const place of Object.keys(seen)) seen[place] = undefined;
});

describe('the span of a message', () => {
  it('is one of a consumer that processes it', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    const text = JSON.stringify({ event: 'fence', id: 'request 7' });
    client.sendRaw(text);
    await client.next();
    const [span] = await spans.until('process fence');
    expect(span?.kind).toBe(SpanKind.CONSUMER);
    expect(span?.attributes).toEqual({
      'messaging.system': 'websocket',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': 'fence',
      'messaging.message.body.size': text.length,
      'messaging.message.conversation_id': 'request 7',
      'messaging.client.id': expect.any(String) as unknown,
      'http.route': tracedPath,
      'client.address': '127.0.0.1',
    });
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('continues the trace that its frame names, and links to the handshake (PROTOCOL.md 3.1)', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    client.send({ event: 'fence', id: 1, trace: given });
    await client.next();
    const [span] = await spans.until('process fence');
    expect(span?.spanContext().traceId).toBe('c'.repeat(32));
    expect(span?.parentSpanContext).toMatchObject({ spanId: 'd'.repeat(16), isRemote: true });
    expect(span?.links.map(({ context }) => context.spanId)).toEqual([
      spans.one(`GET ${tracedPath}`).spanContext().spanId,
    ]);
  });

  it.each([undefined, 'nonsense', traceparent('0'.repeat(32), 'd'.repeat(16))])(
    'begins a trace, which only links to the handshake, where its frame names none: %s (3.7)',
    async (trace) => {
      await using served = await start();
      const headers = { traceparent: given };
      await using client = await TestClient.connect(served.url(tracedPath), { headers });
      client.send({ event: 'fence', id: 1, ...(trace === undefined ? {} : { trace }) });
      await client.next();
      const [span] = await spans.until('process fence');
      const handshake = spans.one(`GET ${tracedPath}`).spanContext();
      expect(handshake.traceId).toBe('c'.repeat(32));
      expect(span?.parentSpanContext).toBeUndefined();
      expect(span?.spanContext().traceId).not.toBe(handshake.traceId);
      expect(span?.links.map(({ context }) => context.spanId)).toEqual([handshake.spanId]);
    },
  );

  it('is active in guards, pipes and the handler, and in all that they begin', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await client.request('look', 1);
    const [span] = await spans.until('process look');
    const places = ['guard', 'pipe', 'handler', 'after an await', 'after a timer', 'in a callback'];
    for (const place of places) expect([place, seen[place]?.spanId]).toEqual([place, span?.spanContext().spanId]);
    expect(spans.one('a query').parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
  });

  it('has the span of TracingInterceptor inside it, and that one is active from there on', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await client.request('look through interceptors', 1);
    const [outer] = await spans.until('process look through interceptors');
    const inner = spans.one('TracedGateway.lookFurther');
    expect(inner.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(seen['guard']?.spanId).toBe(outer?.spanContext().spanId);
    const places = ['pipe', 'handler', 'after an await', 'after a timer', 'in a callback'];
    for (const place of places) expect([place, seen[place]?.spanId]).toEqual([place, inner.spanContext().spanId]);
    expect(spans.one('a query').parentSpanContext?.spanId).toBe(inner.spanContext().spanId);
    expect(inner.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('has nothing of the message before it, at whose end it begins', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    client.send({ event: 'leave behind', id: 1, trace: given });
    client.send({ event: 'what was left', id: 2 });
    served.get(TracedGateway).slow.open('left');
    expect(await client.next()).toMatchObject({ id: 1, data: 'left' });
    expect(await client.next()).toMatchObject({ id: 2, data: 'nothing' });
    const [span] = await spans.until('process what was left');
    expect(span?.parentSpanContext).toBeUndefined();
  });
});

describe('an error', () => {
  it.each(['fault', 'late fault'])('of the program is recorded once, with its stack: %s', async (event) => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await expect(client.request(event)).rejects.toMatchObject({ code: 'INTERNAL' });
    const [span] = await spans.until(`process ${event}`);
    expect(span?.attributes['error.type']).toBe('INTERNAL');
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'INTERNAL' });
    expect(span?.events.map(({ name }) => name)).toEqual(['exception']);
    expect(span?.events[0]?.attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'nothing is a function',
      'exception.stacktrace': expect.stringContaining('traced.ts') as unknown,
    });
  });

  it('of the program is recorded also when what was thrown is no error', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await expect(client.request('thrown text')).rejects.toMatchObject({ code: 'INTERNAL' });
    const [span] = await spans.until('process thrown text');
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.events.map(({ name }) => name)).toEqual(['exception']);
  });

  it('of the program is marked inside, too, and recorded outside alone', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await expect(client.request('intercepted fault')).rejects.toMatchObject({ code: 'INTERNAL' });
    const [outer] = await spans.until('process intercepted fault');
    const inner = spans.one('TracedGateway.interceptedFault');
    expect([inner.status.code, outer?.status.code]).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
    expect([inner.events.length, outer?.events.length]).toEqual([0, 1]);
  });

  it.each<[event: string, code: string, data?: unknown]>([
    ['bad request', 'BAD_REQUEST'],
    ['ws exception', 'SOLD_OUT'],
    ['forbidden', 'FORBIDDEN'],
    ['limited', 'RATE_LIMITED', 2],
    ['intercepted mistake', 'BAD_REQUEST'],
  ])('of the client is named and nothing more: %s', async (event, code, data) => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await expect(client.request(event, data)).rejects.toMatchObject({ code });
    await spans.until(`process ${event}`);
    const [inner] = spans.named('TracedGateway.interceptedMistake');
    for (const span of [spans.one(`process ${event}`), ...(inner ? [inner] : [])]) {
      expect(span.attributes['error.type']).toBe(code);
      expect(span.status.code).toBe(SpanStatusCode.UNSET);
      expect(span.events).toEqual([]);
    }
  });

  it('of an answer that cannot be encoded is the server’s', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    await expect(client.request('unencodable')).rejects.toMatchObject({ code: 'UNENCODABLE' });
    const [span] = await spans.until('process unencodable');
    expect(span?.attributes['error.type']).toBe('UNENCODABLE');
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('of a handler that does not finish in time is the server’s, and ends the span', async () => {
    const clock = new ManualClock();
    await using served = await start(clock);
    await using client = await TestClient.connect(served.url(tracedPath));
    const request = client.request('never');
    await client.request('fence');
    expect(spans.named('process never')).toEqual([]);
    const refused = expect(request).rejects.toMatchObject({ code: 'HANDLER_TIMEOUT' });
    clock.advance(1_200);
    await refused;
    const [span] = await spans.until('process never');
    expect(span?.attributes['error.type']).toBe('HANDLER_TIMEOUT');
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.events).toEqual([]);
  });

  it('in the middle of a stream comes too late for the span, and nothing complains', async () => {
    await using served = await start();
    await using client = await TestClient.connect(served.url(tracedPath));
    client.send({ event: 'stream', id: 1 });
    expect(await client.next()).toMatchObject({ event: '$next', data: 1 });
    let last = await client.next();
    while (last.event === '$next') last = await client.next();
    expect(last).toMatchObject({ event: '$error', data: { code: 'INTERNAL' } });
    const [span] = await spans.until('process stream');
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    await untilQuiet(client);
    expect(spans.complaints).toEqual([]);
    expect(served.counters.get('error', 'INTERNAL')).toBe(1);
  });
});
