import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { complaintsOf, listAt, manifestsIn, shippedManifests } from './support/manifests.js';
import { shippedFile } from './support/proxy-process.js';

const kubernetes = join(import.meta.dirname, '../deploy/kubernetes');
const compose = join(import.meta.dirname, '../deploy/compose/compose.yaml');

/** File, text, what stands there by mistake, and the complaint about it. */
const faults = [
  [
    'base/deployment.yaml',
    'terminationGracePeriodSeconds',
    'terminationGracePeriod',
    '\'"terminationGracePeriod"\' does not exist',
  ],
  ['base/deployment.yaml', 'failureThreshold: 30', "failureThreshold: 'many'", 'failureThreshold must be integer'],
  ['base/service.yaml', 'kind: Service', 'kind: Servise', 'no schema for v1 Servise'],
  ['istio/virtual-service.yaml', 'timeout: 0s', 'timeOut: 0s', '\'"timeOut"\' does not exist'],
  ['istio/destination-rule.yaml', 'LEAST_REQUEST', 'LEAST_REQUESTS', 'allowed values'],
] as const;

describe('the manifests for Kubernetes', () => {
  it('are what the schemas of Kubernetes and Istio allow', () => {
    const manifests = shippedManifests();
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      'Deployment',
      'Deployment',
      'DestinationRule',
      'DestinationRule',
      'Gateway',
      'HorizontalPodAutoscaler',
      'Ingress',
      'Ingress',
      'PodDisruptionBudget',
      'Service',
      'Service',
      'VirtualService',
    ]);
    expect(complaintsOf(manifests)).toEqual([]);
  });

  it.each(faults)('would be refused with an error in %s: %s', (file, right, wrong, complaint) => {
    const [refused] = manifestsIn(file, shippedFile(`kubernetes/${file}`).replace(right, wrong));
    expect(complaintsOf(refused ? [refused] : []).join('\n')).toContain(complaint);
  });

  it.each(['base', 'plain', 'istio'])('are all named by the kustomization in %s', (folder) => {
    const named = listAt(parse(shippedFile(`kubernetes/${folder}/kustomization.yaml`)), 'resources').map(String);
    const files = readdirSync(join(kubernetes, folder)).filter((file) => file !== 'kustomization.yaml');
    expect(named.filter((file) => file !== '../base').sort()).toEqual(files.sort());
    expect(named.includes('../base')).toBe(folder !== 'base');
  });

  it('run the canary as the stable version but for its name, image and number', () => {
    const [stable = '', canary = ''] = ['deployment', 'deployment-canary'].map((name) =>
      shippedFile(`kubernetes/base/${name}.yaml`),
    );
    const common = (text: string): unknown =>
      parse(
        text
          .replace('name: holdfast-canary', 'name: holdfast')
          .replaceAll('track: canary', 'track: stable')
          .replace(/image: .*/, 'image: any')
          .replace(/^ {2}replicas: .*/m, ''),
      );
    expect(common(canary)).toEqual(common(stable));
  });
});

describe('the compose file', () => {
  it('is what the specification of Compose allows', () => {
    expect(complaintsOfCompose(compose)).toEqual([]);
  });

  it('would be refused with a wrong field', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-compose-'));
    try {
      const file = join(folder, 'compose.yaml');
      writeFileSync(file, readFileSync(compose, 'utf8').replace('stop_grace_period:', 'stop_grace_time:'));
      expect(complaintsOfCompose(file).join()).toContain('/services/holdfast-1');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

interface ComposeLinter {
  lintFiles(paths: string[], recursive: boolean): readonly { messages: readonly { rule: string; message: string }[] }[];
}

/** By the schema alone: the other rules are about style. */
function complaintsOfCompose(file: string): string[] {
  // As its own declarations say, which this compiler cannot follow, because they import each other without extensions.
  const Linter = DCLinter as new (config: object) => ComposeLinter;
  return new Linter({ rules: {}, quiet: true, debug: false, exclude: [] })
    .lintFiles([file], false)
    .flatMap(({ messages }) => messages)
    .filter(({ rule }) => rule === 'invalid-schema' || rule === 'invalid-yaml')
    .map(({ message }) => message);
}
