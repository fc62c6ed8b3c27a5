import { TestClient } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { LoggingApp, loggingPath } from './support/log-lines.js';
import { Spans } from './support/spans.js';

const spans = Spans.ofThisFile();

it.each(['plain', 'sdk'] as const)(
  'HoldfastLogger writes the connection, trace and span of whatever is being handled (%s)',
  async (mode) => {
    await using logging = await LoggingApp.start();
    const client = await (mode === 'plain' ? TestClient.connect : TestClient.connectSdk)(logging.url);
    await client.request('log');
    await client.close();
    await logging.left();
    await spans.until(`close ${loggingPath}`);

    const handshake = spans.one(`GET ${loggingPath}`).spanContext();
    const message = spans.one('process log').spanContext();
    const close = spans.one(`close ${loggingPath}`).spanContext();
    const guard = logging.from('guard');
    // Of the handshake, then of the message.
    expect(guard.map(({ spanId }) => spanId)).toEqual([
      handshake.spanId,
      handshake.spanId,
      message.spanId,
      message.spanId,
    ]);
    for (const [place, { traceId, spanId }] of [
      ['connect hook', handshake],
      ['handler', message],
      ['disconnect hook', close],
    ] as const) {
      const lines = logging.from(place);
      expect(lines.map((line) => [line.traceId, line.spanId])).toEqual([
        [traceId, spanId],
        [traceId, spanId],
      ]);
    }
    const ids = ['guard', 'connect hook', 'handler', 'disconnect hook'].flatMap((place) =>
      logging.from(place).map(({ connectionId }) => connectionId),
    );
    expect(ids).toHaveLength(10);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[\w-]{20}$/);
    expect(logging.from('handler')).toMatchObject([
      { level: 'log', context: 'Application' },
      { level: 'warn', context: 'Application' },
    ]);
  },
);

it('HoldfastLogger writes it also of the error that ends a handler', async () => {
  await using logging = await LoggingApp.start();
  await using client = await TestClient.connect(logging.url);
  await client.request('fail').catch(() => undefined);
  const [message] = await spans.until('process fail');
  const { traceId, spanId } = message!.spanContext();
  const line = logging.lines.find(({ level }) => level === 'error');
  expect(line).toMatchObject({ traceId, spanId, context: 'Holdfast' });
  expect(line?.connectionId).toMatch(/^[\w-]{20}$/);
  expect(JSON.stringify(line?.stack)).toContain('the handler failed');
});

it('HoldfastLogger writes it also of the errors that keep a client out', async () => {
  await using logging = await LoggingApp.start();
  logging.failToConnect(new TypeError('the hook failed'));
  await (
    await TestClient.connect(logging.url)
  ).closed;
  logging.failInTheGuard(new TypeError('the guard failed'));
  await TestClient.connect(logging.url).catch(() => undefined);
  const handshakes = await spans.until(`GET ${loggingPath}`, 2);
  const errors = logging.lines.filter(({ level }) => level === 'error');
  expect(errors.map(({ spanId }) => spanId)).toEqual(handshakes.map((span) => span.spanContext().spanId));
  for (const { connectionId } of errors) expect(connectionId).toMatch(/^[\w-]{20}$/);
});

it('HoldfastLogger writes nothing of the kind where nothing is handled', async () => {
  await using logging = await LoggingApp.start();
  expect(logging.lines.length).toBeGreaterThan(0);
  for (const line of logging.lines) expect(Object.keys(line)).not.toContain('connectionId');
});
