import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { livePath } from '../src/live-path.js';
import { at, listAt, shippedManifests } from './support/manifests.js';
import { shippedFile } from './support/proxy-process.js';
import { ServiceProcess } from './support/service-process.js';
import { serviceSecret, tokenOf } from './support/service.js';

const root = join(import.meta.dirname, '..');
const compose: unknown = parse(shippedFile('compose/compose.yaml'), { merge: true });
const haproxy = shippedFile('haproxy/haproxy.cfg');
const dockerfile = shippedFile('Dockerfile');
const ofKind = (kind: string): readonly unknown[] =>
  shippedManifests()
    .filter((manifest) => manifest.kind === kind)
    .map(({ content }) => content);
const containers = ofKind('Deployment').map((deployment) =>
  at(deployment, 'spec', 'template', 'spec', 'containers', 0),
);

describe('what is asked of a running service', () => {
  let service: ServiceProcess;
  let url: string;
  beforeAll(async () => {
    service = new ServiceProcess({ HOLDFAST_SECRET: serviceSecret });
    url = await service.url();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  it('is there for the probes of Kubernetes, the checks of HAProxy and those of Compose', async () => {
    const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'];
    const paths = new Set([
      ...containers.flatMap((container) => probes.map((probe) => String(at(container, probe, 'httpGet', 'path')))),
      /^ *option httpchk GET (\S+)/m.exec(haproxy)?.[1] ?? '',
      /127\.0\.0\.1:3000(\/[\w/]+)/.exec(JSON.stringify(at(compose, 'services', 'holdfast-1', 'healthcheck')))?.[1] ??
        '',
    ]);
    expect(paths).toEqual(new Set(['/health/live', '/health/ready']));
    for (const path of paths) expect((await fetch(url + path)).status).toBe(200);
    expect((await fetch(`${url}/health/other`)).status).toBe(404);
  });

  it('has the metric that the autoscaler goes by, at the place that Prometheus is told', async () => {
    const [autoscaler] = ofKind('HorizontalPodAutoscaler');
    const metric = String(at(autoscaler, 'spec', 'metrics', 0, 'pods', 'metric', 'name'));
    const [deployment] = ofKind('Deployment');
    const path = String(at(deployment, 'spec', 'template', 'metadata', 'annotations', 'prometheus.io/path'));
    await using client = await TestClient.connect(url.replace('http', 'ws') + livePath, {
      token: await tokenOf('ada'),
    });
    expect(await (await fetch(url + path)).text()).toMatch(new RegExp(`^${metric}\\{.*\\} 1$`, 'm'));
    const [rule] = listAt(parse(shippedFile('kubernetes/prometheus-adapter-values.yaml')), 'rules', 'custom');
    expect(at(rule, 'name', 'as')).toBe(metric);
    expect(String(at(rule, 'seriesQuery'))).toMatch(new RegExp(`^${metric}\\{`));
    expect(client.waiting).toEqual([]);
  });
});

describe('the paths that clients reach from outside', () => {
  const service = readFileSync(join(root, 'docs/service.md'), 'utf8');
  const documented = [livePath, ...[...service.matchAll(/^\| `(?:GET|POST) (\/\w+)/gm)].map(([, path = '']) => path)];

  it.each([
    [
      'Ingress',
      ofKind('Ingress').map((ingress) =>
        listAt(ingress, 'spec', 'rules', 0, 'http', 'paths').map((rule) => at(rule, 'path')),
      ),
    ],
    [
      'VirtualService',
      ofKind('VirtualService').map((virtual) =>
        listAt(virtual, 'spec', 'http').flatMap((route) =>
          listAt(route, 'match').map((match) => at(match, 'uri', 'prefix')),
        ),
      ),
    ],
  ])('are those of the service, without health and metrics: %s', (_, lists) => {
    expect(lists.length).toBeGreaterThan(0);
    const clients = documented.filter((path) => !/^\/(health|metrics)$/.test(path));
    for (const paths of lists) expect([...paths].sort()).toEqual([...new Set(clients)].sort());
  });

  it('lead to the two versions by the same weights in both variants', () => {
    const canary = ofKind('Ingress').find((ingress) => at(ingress, 'metadata', 'name') === 'holdfast-canary');
    expect(at(canary, 'metadata', 'annotations', 'nginx.ingress.kubernetes.io/canary-weight')).toBe('5');
    for (const route of listAt(ofKind('VirtualService')[0], 'spec', 'http')) {
      const weights = listAt(route, 'route').map((entry) => [at(entry, 'destination', 'host'), at(entry, 'weight')]);
      expect(weights).toEqual([
        ['holdfast', 95],
        ['holdfast-canary', 5],
      ]);
    }
  });
});

describe('names and ports', () => {
  it('are the same for proxies, nodes and pods', () => {
    const upstream = shippedFile('nginx/upstream.conf');
    const servers = [...upstream.matchAll(/^ *server (\S+):(\d+)/gm)].map(([, host, port]) => [host, port]);
    expect(servers).toEqual([
      ['holdfast-1', '3000'],
      ['holdfast-2', '3000'],
    ]);
    for (const [host = '', port] of servers) {
      expect(at(compose, 'services', host, 'environment', 'PORT')).toBe(port);
      expect(haproxy).toContain(` ${host}:${port} `);
    }
    for (const container of containers)
      expect(at(container, 'ports', 0)).toEqual({ name: 'http', containerPort: 3_000 });
    for (const service of ofKind('Service')) expect(at(service, 'spec', 'ports', 0, 'targetPort')).toBe('http');
  });
});

describe('Redis of the compose file', () => {
  it('keeps what it is told, and evicts nothing', () => {
    const command = listAt(compose, 'services', 'redis', 'command').join(' ');
    expect(command).toMatch(/--appendonly yes .*--maxmemory-policy noeviction$/);
  });
});

describe('the image', () => {
  it('runs what the build makes, as a user that is not root, and so that SIGTERM reaches it', () => {
    const [, command = ''] = /^CMD (.*)$/m.exec(dockerfile) ?? [];
    // Throws for the form that starts a shell.
    expect(JSON.parse(command)).toEqual(['node', '--enable-source-maps', 'dist/main.js']);
    expect(/^USER (.*)$/m.exec(dockerfile)?.[1]).toBe('1000');
    const copied = [...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(([, path = '']) => path);
    expect(copied).toContain('dist');
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('deploy/README.md', () => {
  it('says what each folder is', () => {
    const readme = shippedFile('README.md');
    const folders = readdirSync(join(root, 'deploy'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) expect(readme).toContain(`[${name}](${name})`);
  });
});
