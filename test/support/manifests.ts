import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DestinationRule, Gateway, VirtualService } from '@kubernetes-models/istio/networking.istio.io/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service } from 'kubernetes-models/v1';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'deploy/kubernetes');

/** One document of a file. */
export interface Manifest {
  /** Its file and name, for messages. */
  readonly title: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly content: unknown;
}

/** All that `kubectl apply` would send, in the order of the files. */
export function shippedManifests(): readonly Manifest[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml') && !/kustomization|-values\./.test(file))
    .sort()
    .flatMap((file) => manifestsIn(file, readFileSync(join(folder, file), 'utf8')));
}

export function manifestsIn(file: string, text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const content: unknown = document.toJS();
    return {
      title: `${file}: ${String(at(content, 'metadata', 'name'))}`,
      apiVersion: String(at(content, 'apiVersion')),
      kind: String(at(content, 'kind')),
      content,
    };
  });
}

/** What is at that place of a parsed document; undefined when there is no such place. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    // Whether there is such a property is what is asked; Object() makes an empty object of null and undefined.
    (inner, key) => (Object(inner) as Readonly<Record<string | number, unknown>>)[key],
    value,
  );
}

/** The same for a list; empty when there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const list = at(value, ...path);
  return Array.isArray(list) ? list : [];
}

const models = [
  Deployment,
  DestinationRule,
  Gateway,
  HorizontalPodAutoscaler,
  Ingress,
  PodDisruptionBudget,
  Service,
  VirtualService,
];

/**
 * What the schemas of Kubernetes and Istio say against a manifest. Their validators check values and required fields,
 * and ignore unknown ones, as a misspelled one is; the types that are made from the same schemas find those.
 */
export function complaintsOf(manifests: readonly Manifest[]): readonly string[] {
  return [...manifests.flatMap(wrongValues), ...unknownFields(manifests)];
}

function wrongValues({ title, apiVersion, kind, content }: Manifest): string[] {
  const Model = models.find((model) => model.kind === kind && model.apiVersion === apiVersion);
  if (!Model) return [`${title}: no schema for ${apiVersion} ${kind}`];
  try {
    // Its type is what is to be found out here.
    new Model(content as never).validate();
    return [];
  } catch (error) {
    return [`${title}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function unknownFields(manifests: readonly Manifest[]): string[] {
  const files = new Map(manifests.map((manifest, n) => [join(root, `manifest-${n}.mts`), manifest]));
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2023 },
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, ...rest) => {
    const manifest = files.get(file);
    return manifest
      ? ts.createSourceFile(file, literalOf(manifest), ts.ScriptTarget.ES2023)
      : getSourceFile.call(host, file, ...rest);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([file, { title }]) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(file))
      .map(({ messageText }) => `${title}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  );
}

/** As an object literal of its type, because only of literals the compiler says which properties are too many. */
function literalOf({ apiVersion, kind, content }: Manifest): string {
  const library = apiVersion.includes('istio.io') ? '@kubernetes-models/istio' : 'kubernetes-models';
  return `export const manifest: import('${library}/${apiVersion}').I${kind} = ${JSON.stringify(content)};`;
}
