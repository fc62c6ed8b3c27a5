import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { Tracing } from '../../src/telemetry/tracing.js';

afterEach(() => {
  trace.disable();
});

describe('tracing is enabled', () => {
  it('only while an SDK is registered', () => {
    expect(new Tracing().isEnabled).toBe(false);
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    expect(new Tracing().isEnabled).toBe(true);
    trace.disable();
    expect(new Tracing().isEnabled).toBe(false);
  });

  it('also by an SDK that comes later', () => {
    const tracing = new Tracing();
    expect(tracing.isEnabled).toBe(false);
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    expect(tracing.isEnabled).toBe(true);
    expect(tracing.part('something').isRecording()).toBe(true);
  });
});
