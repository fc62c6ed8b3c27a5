import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { observerPlaces } from '../src/connection/gateway-feature.js';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const page = read('docs/architecture.md');
// What the checker of imports reads.
const folders = createRequire(import.meta.url)(join(root, 'tools/gateway-folders.cjs')) as Record<string, string[]>;

/** Without arrows to what is also reached by a longer way. */
function longestWays(): string[] {
  const reached = (folder: string): Set<string> =>
    new Set((folders[folder] ?? []).flatMap((other) => [other, ...reached(other)]));
  return Object.entries(folders).flatMap(([folder, others]) =>
    others
      .filter((other) => !others.some((between) => between !== other && reached(between).has(other)))
      .map((other) => `  ${folder} --> ${other}`),
  );
}

/** What stands behind a marker, as far as the next heading or table. */
function behind(marker: string): string {
  return page.split(`<!-- ${marker} -->`)[1]?.split(/\n(?:## |\| )/)[0] ?? '';
}

describe('docs/architecture.md', () => {
  it('draws the table of imports that is checked', () => {
    const drawn = [...behind('folders').matchAll(/^ {2}\S+ --> \S+$/gm)].map(([line]) => line);
    expect(drawn).toEqual(longestWays());
  });

  it('says of each folder what it is for', () => {
    const told = [...page.matchAll(/^\| `([\w-]+)` +\|/gm)].map(([, folder]) => folder);
    expect(told).toEqual(Object.keys(folders));
    const existing = readdirSync(join(root, 'libs/gateway/src'), { withFileTypes: true });
    expect(existing.filter((entry) => entry.isDirectory()).map(({ name }) => name)).toEqual([...told].sort());
  });

  it('lists the end of a connection in the order in which it happens', () => {
    const places = [...behind('the end').matchAll(/^\d+\. `([a-z]+)`:/gm)].map(([, place]) => place);
    expect(places).toEqual(observerPlaces);
  });

  it('adds the feature that is tested', () => {
    const [, feature = ''] = /```ts\n.*?@GatewayFeature\(\)\nexport (class.*?)```/s.exec(page) ?? [];
    expect(feature).not.toBe('');
    expect(read('libs/gateway/test/module/features.spec.ts')).toContain(feature);
  });
});
