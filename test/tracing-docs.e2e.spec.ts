import { readFileSync } from 'node:fs';
import { SpanKind } from '@opentelemetry/api';
import { TestClient } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { serve } from './support/dispatch.js';
import { Spans } from './support/spans.js';
import { TracedGateway, tracedPath } from './support/traced.js';

const spans = Spans.ofThisFile();
const text = readFileSync(new URL('../docs/telemetry.md', import.meta.url), 'utf8');

/** The pattern in the documentation that a name fits. */
function patternOf(name: string): string {
  if (name.startsWith('GET ')) return 'GET <route>';
  if (name.startsWith('process ')) return 'process <event>';
  if (name.startsWith('close ')) return 'close <route>';
  return '<Class>.<method>';
}

it('docs/telemetry.md has every span with its kind, and every attribute of it', async () => {
  const served = await serve([TracedGateway], { admission: { origins: ['https://example.com'] } });
  const client = await TestClient.connect(served.url(tracedPath));
  await client.request('look through interceptors', 1);
  await client.request('intercepted fault').catch(() => undefined);
  client.send({ event: 'fence' });
  await client.close();
  await TestClient.connect(served.url(tracedPath), { origin: 'https://evil.example' }).catch(() => undefined);
  await spans.until(`close ${tracedPath}`);
  await spans.until(`GET ${tracedPath}`, 2);
  await served[Symbol.asyncDispose]();

  const kinds = new Map<string, string>();
  const attributes = new Set<string>();
  for (const { name, kind, attributes: own } of spans.all.filter(({ name }) => name !== 'a query')) {
    const pattern = patternOf(name);
    kinds.set(pattern, SpanKind[kind].toLowerCase());
    // What an interceptor's span says of an error is said of the message.
    if (pattern !== '<Class>.<method>')
      for (const attribute of Object.keys(own)) attributes.add(`${pattern} ${attribute}`);
  }
  const documentedKinds = [...text.matchAll(/^\| `([^`]+)` +\| (server|consumer|internal) +\|/gm)];
  expect(Object.fromEntries(documentedKinds.map(([, name, kind]) => [name, kind]))).toEqual(Object.fromEntries(kinds));
  const documented = [...text.matchAll(/^\| `((?:GET|process|close) <\w+>)` +\| `([\w.]+)` +\|/gm)];
  expect(documented.map(([, name = '', attribute = '']) => `${name} ${attribute}`).sort()).toEqual(
    [...attributes].sort(),
  );
});
