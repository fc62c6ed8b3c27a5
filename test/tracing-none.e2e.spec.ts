import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { serve } from './support/dispatch.js';
import { LoggingApp } from './support/log-lines.js';
import { traceparent } from './support/spans.js';
import { seen, TracedGateway, tracedPath } from './support/traced.js';

describe('without an OpenTelemetry SDK', () => {
  it('there is no span anywhere, and TracingInterceptor lets everything pass', async () => {
    await using served = await serve([TracedGateway]);
    const headers = { traceparent: traceparent('a'.repeat(32), 'b'.repeat(16)) };
    await using client = await TestClient.connect(served.url(tracedPath), { headers });
    expect((await client.request('look', 1)).data).toBe('looked');
    expect((await client.request('look through interceptors', 1)).data).toBe('looked');
    expect(Object.keys(seen)).toContain('after a timer');
    expect(Object.values(seen).filter((span) => span !== undefined)).toEqual([]);
    await expect(client.request('intercepted fault')).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('HoldfastLogger still writes the connection', async () => {
    await using logging = await LoggingApp.start();
    await using client = await TestClient.connect(logging.url);
    await client.request('log');
    const lines = logging.from('handler');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line.connectionId).toMatch(/^[\w-]{20}$/);
      expect(Object.keys(line)).not.toContain('traceId');
    }
  });
});
