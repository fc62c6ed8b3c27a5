import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { retryRule } from '@holdfast/protocol';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { clientOptions, defaultOf, type Documented, listAbove, membersOfUnion } from './support/client-sources.js';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/client.md'), 'utf8');
const options = clientOptions();

function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

const code = (text: string): string => `\`${text}\``;
const list = (file: string, name: string): string[] => listAbove(file, name).map((item) => `- ${item}`);

const sections: Readonly<Record<string, string[]>> = {
  options: table(
    ['Option', 'Type', 'Default', 'Meaning'],
    options.map((option) => [code(option.name), code(option.type), defaultOf(option) ?? '–', option.description]),
  ),
  states: list('state.ts', 'ConnectionState'),
  causes: list('state.ts', 'Cause'),
  'error-codes': table(
    ['Code', 'Meaning'],
    membersOfUnion('errors.ts', 'ClientErrorCode').map(({ name, description }) => [code(name), description]),
  ),
};

describe('docs/client.md', () => {
  it('has the options, states, causes and error codes of the sources', async () => {
    let made = page;
    for (const [name, lines] of Object.entries(sections)) {
      const [before, rest = ''] = made.split(`<!-- ${name} -->`);
      const [, after = ''] = rest.split(`<!-- /${name} -->`);
      made = [before, `<!-- ${name} -->`, '\n\n', lines.join('\n'), '\n\n', `<!-- /${name} -->`, after].join('');
    }
    await expect(
      await format(made, { parser: 'markdown', printWidth: 120, singleQuote: true, trailingComma: 'all' }),
    ).toMatchFileSnapshot(join(root, 'docs/client.md'));
  });

  it('knows the meaning of each option, and of each code', () => {
    const silent = [...options, ...membersOfUnion('errors.ts', 'ClientErrorCode')].filter(
      ({ description }) => description === '',
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
    const withoutDefault = options.filter((option) => defaultOf(option) === undefined);
    expect(withoutDefault.map(({ name }) => name)).toEqual(['ports']);
    expect(options.length).toBeGreaterThan(10);
  });

  it.each(['ConnectionState', 'Cause'])('explains every member of %s', (name) => {
    const explained = listAbove('state.ts', name).join('\n');
    const missing = membersOfUnion('state.ts', name).filter((member) => !explained.includes(code(member.name)));
    expect(missing.map((member) => member.name)).toEqual([]);
  });

  it('has the retry rule of PROTOCOL.md 13 for every close code', () => {
    const [section = ''] = /^\| Close code[^]*?\n\n/m.exec(page) ?? [];
    const rows = [...section.matchAll(/^\| (.*?) +\| `(.*?)[`(]/gm)].map(([, codes = '', then = '']) => ({
      codes,
      then,
    }));
    const outcomes = { return: 'waiting', 'stay-away': 'failed', application: 'comesBack' };
    for (let closeCode = 1000; closeCode < 5000; closeCode++) {
      const row =
        rows.find(({ codes }) => includes(codes, closeCode)) ?? rows.find(({ codes }) => codes.startsWith('any'));
      const outcome = closeCode === 1000 ? 'closed' : outcomes[retryRule(closeCode)];
      expect([closeCode, row?.then]).toEqual([closeCode, outcome]);
    }
  });

  it('states the limit of size that is checked', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      'size-limit': { limit: string }[];
    };
    const [{ limit } = { limit: '' }] = manifest['size-limit'];
    expect(page).toContain(`At most ${Number.parseInt(limit).toLocaleString('en')} bytes`);
    expect(Number.parseInt(limit)).toBeLessThanOrEqual(7_400);
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('less than 7.4 kB');
  });
});

describe('the limits of the client in SECURITY.md', () => {
  const [section = ''] =
    /^### The client$[^]*?(?=^##|(?![^]))/m.exec(readFileSync(join(root, 'SECURITY.md'), 'utf8')) ?? [];
  const isLimit = ({ type }: Documented): boolean => type === 'number';

  it('are all there, with the defaults of the sources', () => {
    const limits = options.filter(isLimit);
    expect(limits.length).toBeGreaterThan(5);
    for (const option of limits) {
      const row = section.split('\n').find((line) => line.startsWith(`| \`${option.name}\``));
      expect(row).toContain(defaultOf(option));
    }
  });

  it('are no others', () => {
    const named = [...section.matchAll(/^\| `([\w.]+)`/gm)].map(([, name]) => name);
    expect(named.filter((name) => !options.some((option) => option.name === name))).toEqual([]);
  });
});

describe('what a server may try, in SECURITY.md', () => {
  it('is each tried by a test that exists', () => {
    const rows = [
      ...readFileSync(join(root, 'SECURITY.md'), 'utf8').matchAll(/\| `(libs\/client\/\S+)`: (.*?) +\|$/gm),
    ];
    expect(rows.length).toBeGreaterThan(8);
    const missing = rows.filter(([, file = '', title = '']) => !readFileSync(join(root, file), 'utf8').includes(title));
    expect(missing.map(([row]) => row)).toEqual([]);
  });
});

/** Whether a list such as `1000, 4400 to 4499` has this code. */
function includes(codes: string, closeCode: number): boolean {
  return [...codes.matchAll(/(\d+)(?: to (\d+))?/g)].some(
    ([, from, to = from]) => !codes.startsWith('any') && closeCode >= Number(from) && closeCode <= Number(to),
  );
}
