import { metrics } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

export interface TelemetryConfig {
  readonly serviceName: string;
  /** Where an OpenTelemetry collector takes OTLP by HTTP; undefined: nothing is sent, and no spans are made. */
  readonly otlpEndpoint: string | undefined;
}

/** What was registered: the service reads it and shuts it down. */
export interface Telemetry {
  readonly prometheus: PrometheusExporter;
  /** Sends what has not been sent yet. */
  shutdown(): Promise<void>;
}

/**
 * Registers the OpenTelemetry SDK for this process. Before the application is made: the metrics API has nothing for
 * those who ask before an SDK is there.
 */
export function startTelemetry({ serviceName, otlpEndpoint }: TelemetryConfig): Telemetry {
  const resource = resourceFromAttributes({ 'service.name': serviceName });
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const readers = [prometheus, ...(otlpEndpoint === undefined ? [] : [otlpMetrics(otlpEndpoint)])];
  const meters = new MeterProvider({ resource, readers });
  metrics.setGlobalMeterProvider(meters);
  const tracers = otlpEndpoint === undefined ? undefined : startTracing(resource, otlpEndpoint);
  return {
    prometheus,
    shutdown: async () => {
      // A collector that is away must not keep the process alive.
      await Promise.allSettled([meters.shutdown(), tracers?.shutdown()]);
    },
  };
}

function startTracing(resource: ReturnType<typeof resourceFromAttributes>, endpoint: string): NodeTracerProvider {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  return provider;
}

function otlpMetrics(endpoint: string): PeriodicExportingMetricReader {
  return new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }) });
}
