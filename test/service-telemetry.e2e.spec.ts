import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { TestClient } from '@holdfast/testing';
import { expect, it, vi } from 'vitest';
import { serviceSecret, tokenOf } from './support/service.js';
import { ServiceProcess } from './support/service-process.js';

// A process of its own takes seconds to start where nothing else runs, and many where something does.
vi.setConfig({ testTimeout: 120_000 });

/** A collector that keeps what it is sent. */
async function startCollector() {
  const bodies = new Map<string, string[]>();
  const server = createServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      bodies.set(request.url ?? '', [...(bodies.get(request.url ?? '') ?? []), body]);
      response.setHeader('Content-Type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the collector does not listen on TCP');
  return { server, bodies, url: `http://127.0.0.1:${address.port}` };
}

it('serves metrics to Prometheus that move with the traffic', async () => {
  await using service = new ServiceProcess({ HOLDFAST_SECRET: serviceSecret });
  const url = await service.url();
  const socket = `${url.replace('http', 'ws')}/live`;
  await using client = await TestClient.connect(socket, { token: await tokenOf('ada') });
  await client.request('join', { room: 'lobby' });
  await expect(TestClient.connect(socket)).rejects.toThrow();

  const metrics = await (await fetch(`${url}/metrics`)).text();

  expect(metrics).toMatch(/^holdfast_connections\{[^}]*http_route="\/live"[^}]*holdfast_state="open"[^}]*\} 1/m);
  expect(metrics).toMatch(/^holdfast_refusals_total\{[^}]*error_type="UNAUTHORIZED"[^}]*\} 1/m);
  expect(metrics).toMatch(/^holdfast_handler_duration_count\{[^}]*messaging_destination_name="join"[^}]*\} 1/m);
});

it('sends traces and metrics to an OTLP collector, the last of them on its way out', async () => {
  const collector = await startCollector();
  try {
    await using service = new ServiceProcess({
      HOLDFAST_SECRET: serviceSecret,
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_SERVICE_NAME: 'chat-under-test',
    });
    const url = await service.url();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await using client = await TestClient.connect(`${url.replace('http', 'ws')}/live`, { token: await tokenOf('ada') });
    client.send({ event: 'join', data: { room: 'lobby' }, id: 'joined', trace: `00-${traceId}-00f067aa0ba902b7-01` });
    await client.next('$reply');

    service.kill('SIGTERM');

    expect(await service.ended).toBe(0);
    const traces = (collector.bodies.get('/v1/traces') ?? []).join('\n');
    expect(traces).toContain(traceId);
    expect(traces).toContain('process join');
    expect(traces).toContain('chat-under-test');
    expect((collector.bodies.get('/v1/metrics') ?? []).join('\n')).toContain('holdfast.handler.duration');
  } finally {
    collector.server.close();
  }
});
