import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { context, propagation, trace } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ConnectionRegistry } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Calls, expectNoCrash, serve } from './support/dispatch.js';

expectNoCrash();

/** A processor of the application that fails when a connection ends. */
class BrokenProcessor implements SpanProcessor {
  onStart(): void {}

  onEnd({ name }: ReadableSpan): void {
    if (name.startsWith('close ')) throw new Error('a span processor');
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

@WebSocketGateway({ path: '/traced' })
class TracedGateway {
  readonly left = new Calls<string>();

  @SubscribeMessage('echo')
  echo(): void {}

  handleDisconnect(): void {
    this.left.add('hook');
  }
}

beforeAll(() => {
  new NodeTracerProvider({ spanProcessors: [new BrokenProcessor()] }).register();
});
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

it('a span processor that throws at the end of a connection keeps nothing of it', async () => {
  await using served = await serve([TracedGateway], { admission: { maxConnections: 1 } });
  const client = await TestClient.connect(served.url('/traced'));
  client.terminate();
  await served.get(TracedGateway).left.called(1);
  expect(served.get(ConnectionRegistry).size).toBe(0);
  expect(served.log.of('error').filter((line) => line.includes('a span processor'))).toHaveLength(1);
  (await TestClient.connect(served.url('/traced'))).terminate();
});
