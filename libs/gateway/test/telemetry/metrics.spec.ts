import { readFileSync } from 'node:fs';
import type { Attributes, Meter, MetricOptions, ObservableCallback } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionIndex } from '../../src/connection/connection-index.js';
import { ConnectionRegistry } from '../../src/connection/connection-registry.js';
import type { Link } from '../../src/connection/link.js';
import { Verifications } from '../../src/connection/verifications.js';
import { Census } from '../../src/telemetry/census.js';
import { type CounterName, Counters } from '../../src/telemetry/counters.js';
import { Metrics, type MetricSources } from '../../src/telemetry/metrics.js';
import { Traffic } from '../../src/telemetry/traffic.js';

/** One row of the documentation, and one instrument. */
interface Instrument {
  readonly kind: string;
  readonly unit: string;
  attributes: string;
}

type Batch = (result: { observe(instrument: object, value: number, attributes?: Attributes): void }) => void;

/** A meter that keeps what it is asked for. */
class RecordingMeter {
  readonly instruments = new Map<string, Instrument>();
  readonly #callbacks: (() => void)[] = [];
  readonly #names = new Map<object, string>();

  createHistogram = (name: string, options: MetricOptions) => {
    this.#add(name, 'histogram', options);
    return {
      record: (_value: number, attributes: Attributes = {}) => {
        this.#seen(name, attributes);
      },
    };
  };

  createObservableCounter = (name: string, options: MetricOptions) =>
    this.#observable(name, 'observable counter', options);

  createObservableGauge = (name: string, options: MetricOptions) => this.#observable(name, 'observable gauge', options);

  addBatchObservableCallback = (callback: Batch) => {
    this.#callbacks.push(() => {
      callback({
        observe: (instrument, _value, attributes = {}) => {
          this.#seen(this.#names.get(instrument) ?? '', attributes);
        },
      });
    });
  };

  collect(): void {
    for (const callback of this.#callbacks) callback();
  }

  #observable(name: string, kind: string, options: MetricOptions): object {
    this.#add(name, kind, options);
    const instrument = {
      addCallback: (callback: ObservableCallback) => {
        this.#callbacks.push(() => {
          void callback({
            observe: (_value, attributes = {}) => {
              this.#seen(name, attributes);
            },
          });
        });
      },
    };
    this.#names.set(instrument, name);
    return instrument;
  }

  #add(name: string, kind: string, { unit = '' }: MetricOptions): void {
    expect(this.instruments.has(name)).toBe(false);
    this.instruments.set(name, { kind, unit, attributes: '' });
  }

  #seen(name: string, attributes: Attributes): void {
    const instrument = this.instruments.get(name);
    if (instrument) instrument.attributes = Object.keys(attributes).join(', ');
  }
}

/** What is there when everything has happened once. */
function eventful(): MetricSources {
  const counters = new Counters();
  const names: Record<CounterName, true> = {
    admitted: true,
    refused: true,
    violation: true,
    ignored: true,
    closed: true,
    error: true,
    missedBeat: true,
    late: true,
    paused: true,
    notTaken: true,
    dropped: true,
    unchecked: true,
    shed: true,
    unrecovered: true,
    degraded: true,
    published: true,
    recovered: true,
    session: true,
  };
  for (const name of Object.keys(names) as CounterName[]) counters.add(name, 'SOMETHING');
  const census = new Census();
  // All that the census looks at.
  census.joined({ place: { route: '/path' } } as Link);
  const registry = new ConnectionRegistry(new ConnectionIndex(new Verifications()));
  return { counters, census, traffic: new Traffic(), registry, unfinished: { total: 1 } };
}

/** The table of metrics in the documentation. */
function documented(): Map<string, Instrument> {
  const text = readFileSync(new URL('../../../../docs/telemetry.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(holdfast\.[\w.]+)` +\| ([\w ]+?) +\|([^|]*)\|([^|]*)\|/gm)];
  const plain = (cell = ''): string => cell.replaceAll('`', '').trim();
  return new Map(
    rows.map(([, name = '', kind = '', unit, attributes]) => [
      name,
      { kind, unit: plain(unit), attributes: plain(attributes) },
    ]),
  );
}

afterEach(() => {
  metrics.disable();
});

describe('metrics', () => {
  it('are those of docs/telemetry.md, with the same kind, unit and attributes', () => {
    const meter = new RecordingMeter();
    // Only what is asked for has to be there.
    metrics.setGlobalMeterProvider({ getMeter: () => meter as unknown as Meter });
    const measured = new Metrics(eventful());
    measured.watchRooms(() => ({ rooms: 1, members: 1, deliveries: 1 }));
    measured.roundTrip(1, 'sdk');
    const event = { 'messaging.destination.name': 'say', 'holdfast.gateway': 'ChatGateway', 'holdfast.outcome': 'OK' };
    measured.handled(event, 1);
    meter.collect();
    const byName = (instruments: Map<string, Instrument>) => Object.fromEntries([...instruments].sort());
    expect(byName(documented())).toEqual(byName(meter.instruments));
  });

  it('are not enabled without an SDK, and can be used all the same', () => {
    const measured = new Metrics(eventful());
    expect(measured.isEnabled).toBe(false);
    measured.handled({}, 1);
    measured.roundTrip(1, 'plain');
    measured.dispose();
  });
});
