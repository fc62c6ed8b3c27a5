import { type Attributes, metrics } from '@opentelemetry/api';
import { type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { expect } from 'vitest';

class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}

/** One value of an instrument. */
export interface Point {
  readonly attributes: Attributes;
  readonly value: number | Histogram;
}

/** The metrics of this process, read when a test wants to know. Make it before the application. */
export class Measures implements AsyncDisposable {
  readonly #reader = new ManualReader();
  readonly #provider = new MeterProvider({ readers: [this.#reader] });

  constructor() {
    metrics.disable();
    metrics.setGlobalMeterProvider(this.#provider);
  }

  /** Everything there is, by the name of its instrument. */
  async collect(): Promise<Map<string, readonly Point[]>> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    expect(errors).toEqual([]);
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    // What is in a point depends on the kind of the instrument; the tests know which they look at.
    return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints as Point[]]));
  }

  /** The number with these attributes and no other ones; undefined where there is none. */
  async number(name: string, attributes: Attributes = {}): Promise<number | undefined> {
    const value = await this.#value(name, attributes);
    return typeof value === 'object' ? value.count : value;
  }

  async histogram(name: string, attributes: Attributes): Promise<Histogram> {
    const value = await this.#value(name, attributes);
    if (typeof value !== 'object') throw new Error(`${name} has no histogram for ${JSON.stringify(attributes)}`);
    return value;
  }

  /** Waits for what happens in the server after the client has heard of it. */
  async until(name: string, attributes: Attributes, least: number): Promise<void> {
    const options = { interval: 5, timeout: 5_000 };
    await expect.poll(() => this.number(name, attributes), options).toBeGreaterThanOrEqual(least);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#provider.shutdown();
    metrics.disable();
  }

  async #value(name: string, attributes: Attributes): Promise<number | Histogram | undefined> {
    const points = (await this.collect()).get(name) ?? [];
    return points.find((point) => sorted(point.attributes) === sorted(attributes))?.value;
  }
}

function sorted(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([one], [other]) => one.localeCompare(other)));
}
