import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { clientOptions } from './support/client-sources.js';
import { allowedOf, defaultOf, documentedOptions, isLimit } from './support/service-options.js';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const sections = documentedOptions();
const options = [...sections.values()].flat();

/** What introduces each section; the rest of docs/options.md is made from the sources. */
const titles: Readonly<Record<string, string>> = {
  '': 'General',
  auth: 'Authentication',
  admission: 'Handshakes and connections',
  heartbeat: 'Heartbeat',
  messages: 'Messages from clients',
  outbox: 'Messages to slow clients',
  lifecycle: 'Connect and drain',
  rooms: 'Policies of rooms, a list',
  roomLimits: 'Limits of rooms',
  sessions: 'Clients that come back',
};

function optionsPage(): Promise<string> {
  const lines = [
    '# Options of HoldfastModule',
    '',
    '`HoldfastModule.forRoot({ auth: { secret }, heartbeat: { intervalMs: 20_000 } })`, or the same object from `forRootAsync`.',
    'Everything may be left out. A value that is not allowed stops the boot with an error `INVALID_OPTIONS` that names it.',
    '',
    '`Ms` in a name means milliseconds, `Bytes` means bytes. `0` and `Infinity` are accepted where the column _Allowed_ says so.',
    '',
    'This page is made from `libs/gateway/src/module/options.ts` and the option classes that it names by',
    '`npx vitest run test/readme-options.e2e.spec.ts --update`; the same test fails when it is out of date.',
  ];
  for (const [section, members] of sections) {
    lines.push('', `## ${section === '' ? '' : `\`${section}\`: `}${titles[section] ?? section}`, '');
    lines.push('| Option | Default | Allowed | Meaning |', '| --- | --- | --- | --- |');
    for (const option of members) {
      const cells = [`\`${option.name}\``, defaultOf(option) ?? '–', allowedOf(option), option.description];
      lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
    }
  }
  return format(lines.join('\n'), { parser: 'markdown' });
}

describe('docs/options.md', () => {
  it('has every option of the sources, and nothing else', async () => {
    await expect(await optionsPage()).toMatchFileSnapshot(join(root, 'docs/options.md'));
  });

  it('finds in the sources what each option is when it is not given', () => {
    const silent = options.filter((option) => option.rules.has('IsOptional') && defaultOf(option) === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
    expect(options.length).toBeGreaterThan(40);
  });
});

describe('SECURITY.md', () => {
  const security = read('SECURITY.md');

  it('has every limit there is', () => {
    const missing = options.filter(isLimit).filter(({ name }) => !security.includes(`\`${name}\``));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('names no option that does not exist', () => {
    const known = new Set([...options, ...clientOptions()].map(({ name }) => name));
    const named = [
      ...security.matchAll(
        /`((?:auth|admission|heartbeat|messages|outbox|lifecycle|rooms|roomLimits|sessions)\.[\w.]+)`/g,
      ),
    ].map(([, name]) => name);
    expect(named.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  it('names tests that exist', () => {
    const named = [...security.matchAll(/`((?:libs|test)\/[\w./-]+\.spec\.ts)`/g)].map(([, file]) => file ?? '');
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('gives the defaults that the sources give', () => {
    const wrong = options.filter(isLimit).filter((option) => {
      const row = security.split('\n').find((line) => line.startsWith(`| \`${option.name}\``));
      const given = defaultOf(option);
      return row !== undefined && given !== undefined && !row.includes(given);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

describe('error codes in README.md and SECURITY.md', () => {
  it.each(['README.md', 'SECURITY.md'])('are those of docs/errors.md and docs/client.md: %s', (file) => {
    const errors = read('docs/errors.md') + read('docs/client.md');
    const codes = [...read(file).matchAll(/`([A-Z]{3,}(?:_[A-Z]+)*)`/g)].map(([, code]) => code ?? '');
    const ownCodes = ['INVALID_OPTIONS', 'INVALID_GATEWAY', 'ADAPTER_REPLACED', 'PORT_UNAVAILABLE'];
    const variables = /^(HOLDFAST_|LOG_|OTEL_|NODE_ENV|PORT|HOST|SIGTERM)/;
    const unknown = codes.filter(
      (code) => !errors.includes(`\`${code}\``) && !variables.test(code) && !ownCodes.includes(code),
    );
    expect(unknown).toEqual([]);
  });
});
