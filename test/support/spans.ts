import { context, diag, DiagLogLevel, propagation, type SpanContext, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';

/**
 * The spans of this process, from an SDK that is registered for the tests of one file, which has a process of its own.
 */
export class Spans {
  /** What the SDK complained of, such as a span that was changed after its end. */
  readonly complaints: string[] = [];
  readonly #exporter = new InMemorySpanExporter();
  readonly #provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] });

  static ofThisFile(): Spans {
    const spans = new Spans();
    beforeAll(() => {
      const complain = (message: string): void => {
        spans.complaints.push(message);
      };
      const silent = (): void => undefined;
      diag.setLogger(
        { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
        DiagLogLevel.WARN,
      );
      spans.#provider.register();
    });
    beforeEach(() => {
      spans.#exporter.reset();
      spans.complaints.length = 0;
    });
    afterAll(async () => {
      await spans.#provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    });
    return spans;
  }

  /** Those that have ended, in the order of their ends. */
  get all(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  named(name: string): ReadableSpan[] {
    return this.all.filter((span) => span.name === name);
  }

  /** The only one of that name. */
  one(name: string): ReadableSpan {
    const [span, ...others] = this.named(name);
    if (!span || others.length > 0) {
      throw new Error(
        `${others.length + Number(span !== undefined)} spans "${name}" among: ${this.names().join(', ')}`,
      );
    }
    return span;
  }

  names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** Until there are so many of that name. A span may end after the answer has left. */
  async until(name: string, count = 1): Promise<ReadableSpan[]> {
    await expect.poll(() => this.named(name).length, { interval: 5, timeout: 5_000 }).toBeGreaterThanOrEqual(count);
    return this.named(name);
  }
}

/** The `traceparent` of a trace of one's own. */
export function traceparent(traceId: string, spanId: string, flags = '01'): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

/** What a span is recognised by, from inside of it. */
export function activeSpan(): SpanContext | undefined {
  return trace.getActiveSpan()?.spanContext();
}
