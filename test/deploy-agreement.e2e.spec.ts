import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config/service-config.js';
import { livePath } from '../src/live-path.js';
import { at, listAt, shippedManifests } from './support/manifests.js';
import { shippedFile } from './support/proxy-process.js';
import { defaultOf, documentedOptions } from './support/service-options.js';
import { serviceSecret } from './support/service.js';

const root = join(import.meta.dirname, '..');
const compose: unknown = parse(shippedFile('compose/compose.yaml'), { merge: true });
const nginx = shippedFile('nginx/holdfast.conf');
const haproxy = shippedFile('haproxy/haproxy.cfg');
const manifests = shippedManifests();
const ofKind = (kind: string): readonly unknown[] =>
  manifests.filter((manifest) => manifest.kind === kind).map(({ content }) => content);
const pods = ofKind('Deployment').map((deployment) => at(deployment, 'spec', 'template', 'spec'));
const containers = pods.map((pod) => at(pod, 'containers', 0));
const nodes = ['holdfast-1', 'holdfast-2'].map((name) => at(compose, 'services', name));

/** The default of an option, as its source says it. */
function millisecondsOf(name: string): number {
  const option = [...documentedOptions().values()].flat().find((candidate) => candidate.name === name);
  const [digits = ''] = /^[\d,]+/.exec((option && defaultOf(option)) ?? '') ?? [];
  return Number(digits.replaceAll(',', ''));
}

/** Milliseconds of a text such as `90s` or `1h`; in Ingress annotations seconds have no unit. */
function duration(text: unknown): number {
  const [, count, unit = 's'] = /^(\d+)(ms|s|m|h)?$/.exec(String(text)) ?? [];
  return Number(count) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit]!;
}

/** What follows a word at the beginning of a line of a configuration. */
function setting(text: string, name: string): string {
  return new RegExp(`^ *${name} +([^;\\n]+);?$`, 'm').exec(text)?.[1] ?? '';
}

describe('the time for a stop', () => {
  const drainMs = millisecondsOf('lifecycle.drainTimeoutMs');
  const preStopMs = (container: unknown): number =>
    Number(at(container, 'lifecycle', 'preStop', 'sleep', 'seconds')) * 1_000;

  it('is longer than preStop, the drain and what comes after it', () => {
    expect(drainMs).toBe(10_000);
    for (const [n, pod] of pods.entries()) {
      expect(Number(at(pod, 'terminationGracePeriodSeconds')) * 1_000).toBeGreaterThanOrEqual(
        preStopMs(containers[n]) + drainMs + 10_000,
      );
    }
    for (const node of nodes) expect(duration(at(node, 'stop_grace_period'))).toBeGreaterThanOrEqual(drainMs + 10_000);
  });

  it('is also that of the sidecar of Istio', () => {
    const [, text] = /terminationDrainDuration: (\d+s)/.exec(shippedFile('kubernetes/istio/kustomization.yaml')) ?? [];
    expect(duration(text)).toBeGreaterThan(preStopMs(containers[0]) + drainMs);
    expect(duration(text)).toBeLessThan(Number(at(pods[0], 'terminationGracePeriodSeconds')) * 1_000);
  });

  it('leaves the clients of a pod time to come back before the next one drains', () => {
    for (const deployment of ofKind('Deployment')) {
      expect(Number(at(deployment, 'spec', 'minReadySeconds')) * 1_000).toBeGreaterThan(
        2 * millisecondsOf('lifecycle.drainWindowMs'),
      );
    }
  });
});

describe('the limits for idle connections', () => {
  const beatMs = millisecondsOf('heartbeat.intervalMs');
  // The service closes a connection at the first beat after so many that were missed.
  const serviceMs = beatMs * (millisecondsOf('heartbeat.missedBeats') + 1);
  // The canary takes them from this one.
  const ingress = ofKind('Ingress').find((candidate) => at(candidate, 'metadata', 'name') === 'holdfast');
  const annotation = (name: string): unknown =>
    at(ingress, 'metadata', 'annotations', `nginx.ingress.kubernetes.io/${name}`);

  it.each([
    ['proxy_read_timeout of nginx', setting(nginx, 'proxy_read_timeout')],
    ['proxy_send_timeout of nginx', setting(nginx, 'proxy_send_timeout')],
    ['timeout tunnel of HAProxy', setting(haproxy, 'timeout tunnel')],
    ['proxy-read-timeout of the Ingress', annotation('proxy-read-timeout')],
    ['proxy-send-timeout of the Ingress', annotation('proxy-send-timeout')],
  ])('are longer than the service needs to find out by itself: %s', (_, text) => {
    expect(beatMs).toBe(25_000);
    expect(duration(text)).toBeGreaterThan(serviceMs);
  });

  it('are those of a service that keeps the heartbeat of Holdfast', () => {
    expect(readConfig({ HOLDFAST_SECRET: serviceSecret }).holdfast.heartbeat?.intervalMs).toBe(beatMs);
  });

  it('do not exist for WebSockets in Istio', () => {
    const [sockets] = listAt(ofKind('VirtualService')[0], 'spec', 'http');
    expect([at(sockets, 'match', 0, 'uri', 'prefix'), at(sockets, 'timeout')]).toEqual([livePath, '0s']);
    expect(at(sockets, 'retries', 'perTryTimeout')).toBeUndefined();
  });
});

describe('the environment', () => {
  /** With stand-ins for what is kept elsewhere. */
  const given = (name: unknown, value: unknown): [string, string] => {
    const standIns: Record<string, string> = { HOLDFAST_SECRET: serviceSecret, HOLDFAST_REDIS_URL: 'redis://redis' };
    const text = (typeof value === 'string' ? value : '').replace(/^\$\{\w+:-(.*)\}$/, '$1');
    return [String(name), standIns[String(name)] ?? text];
  };
  const environments = [
    ...containers.map((container) =>
      listAt(container, 'env').map((entry) => given(at(entry, 'name'), at(entry, 'value'))),
    ),
    ...nodes.map((node) =>
      Object.entries(Object(at(node, 'environment')) as object).map(([name, value]) => given(name, value)),
    ),
  ];

  it('names variables that the service knows, and nothing else', () => {
    const source = readFileSync(join(root, 'src/config/environment.ts'), 'utf8');
    const known = [...source.matchAll(/^ {2}([A-Z_]+)\?:/gm)].map(([, name]) => name);
    for (const environment of environments) {
      expect(environment.length).toBeGreaterThan(5);
      expect(known).toEqual(expect.arrayContaining(environment.map(([name]) => name)));
    }
  });

  it('has values that the service accepts in production, behind one proxy', () => {
    for (const environment of environments) {
      const { holdfast, port } = readConfig(Object.fromEntries(environment));
      expect(holdfast).toMatchObject({ production: true, admission: { trustedProxies: 1 } });
      expect(port).toBe(3_000);
    }
    const [first = []] = environments;
    expect(() => readConfig({ ...Object.fromEntries(first), PORT: 'http' })).toThrow('PORT');
  });
});
