import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CloseCode,
  closeCodes,
  defaultDecodeLimits,
  errorCodes,
  maxTokenLength,
  maxWaitMs,
  parseDrain,
  parseError,
  parseRefreshRequest,
  parseServerPing,
  parseWelcome,
  ReservedEvent,
  retiredCloseCodes,
  retiredErrorCodes,
  retryRule,
} from '../src/index.js';
import { clauseNumbers, readDocument, tableRows } from './documents.js';

const protocol = readDocument('../PROTOCOL.md');
const errorsPage = readDocument('../../../docs/errors.md');

const neverSentByServers = [1005, 1006, 1010, 1015];

describe('close codes', () => {
  it('13.4: PROTOCOL.md lists exactly those of the catalogue, in its order', () => {
    const rows = closeCodes.map(({ name, code, rule, cause }) => [name, String(code), rule, cause]);
    expect(tableRows(protocol, ['Name', 'Code', 'Rule', 'Cause'])).toEqual(rows);
  });

  it('13.4: docs/errors.md lists exactly those of the catalogue, in its order', () => {
    const rows = closeCodes.map(({ name, code, rule, cause, remedy }) => [name, String(code), rule, cause, remedy]);
    expect(tableRows(errorsPage, ['Name', 'Code', 'Rule', 'Cause', 'Remedy'])).toEqual(rows);
  });

  it('13.4: have one name and one number each, in ascending order', () => {
    const numbers = closeCodes.map(({ code }) => code);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(new Set(closeCodes.map(({ name }) => name)).size).toBe(closeCodes.length);
    expect(CloseCode).toEqual(Object.fromEntries(closeCodes.map(({ name, code }) => [name, code])));
  });

  it('13.2, 13.3: follow the rule of their range', () => {
    for (const { code, rule } of closeCodes) expect([code, retryRule(code)]).toEqual([code, rule]);
  });

  it('13.2: the protocol uses no number of the application', () => {
    expect(closeCodes.filter(({ rule }) => rule === 'application')).toEqual([]);
  });

  it('13.2: every number of a range in PROTOCOL.md has the rule of the range', () => {
    const ranges = tableRows(protocol, ['From', 'To', 'Rule']);
    const covered = ranges.flatMap(([from, to, rule]) => {
      const codes = Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index);
      for (const code of codes) expect([code, retryRule(code)]).toEqual([code, rule]);
      return codes;
    });
    expect(covered).toEqual(Array.from({ length: 2000 }, (_, index) => 3000 + index));
  });

  it('13.3: below 3000 exactly the codes of the clause are stay-away', () => {
    const listed = /these are `stay-away`: ([\d, ]+)\./.exec(protocol)?.[1]?.split(', ').map(Number);
    const found = Array.from({ length: 2000 }, (_, index) => 1000 + index).filter(
      (code) => retryRule(code) !== 'return',
    );
    expect(found).toEqual(listed);
  });

  it.each([0, -1, 999, 5000, NaN, Infinity, 0.5])('13.3: %s is no close code, so the client returns', (code) => {
    expect(retryRule(code)).toBe('return');
  });

  it('13.4: those that are never sent say so', () => {
    const said = closeCodes.filter(({ cause }) => /never sent|by clients only/.test(cause)).map(({ code }) => code);
    expect(said).toEqual(neverSentByServers);
  });

  it('13.5: none of the retired is in use', () => {
    expect(closeCodes.filter(({ code }) => retiredCloseCodes.includes(code))).toEqual([]);
    expect(retiredIn('13.5')).toBe(retiredCloseCodes.length === 0 ? 'none' : retiredCloseCodes.join(', '));
  });
});

describe('error codes', () => {
  it('14.1: PROTOCOL.md lists exactly those of the catalogue, in its order', () => {
    const rows = errorCodes.map(({ code, where, httpStatus, cause }) => [code, where, String(httpStatus ?? ''), cause]);
    expect(tableRows(protocol, ['Code', 'Where', 'Status', 'Cause'])).toEqual(rows);
  });

  it('14.1: docs/errors.md lists exactly those of the catalogue, in its order', () => {
    const rows = errorCodes.map(({ code, where, httpStatus, cause, remedy }) => [
      code,
      where,
      String(httpStatus ?? ''),
      cause,
      remedy,
    ]);
    expect(tableRows(errorsPage, ['Code', 'Where', 'Status', 'Cause', 'Remedy'])).toEqual(rows);
  });

  it('14.1: are each named once, in capitals', () => {
    const codes = errorCodes.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });

  it('14.1: have an HTTP status exactly where they refuse a handshake', () => {
    for (const { code, where, httpStatus } of errorCodes) {
      expect([code, httpStatus !== undefined]).toEqual([code, where !== 'frame']);
      if (httpStatus !== undefined) expect([400, 401, 403, 404, 426, 429, 500, 503]).toContain(httpStatus);
    }
  });

  it('2.1: the statuses of the handshake checks are those of the catalogue', () => {
    const statusOf = new Map<string, number | undefined>(errorCodes.map(({ code, httpStatus }) => [code, httpStatus]));
    const answers = tableRows(protocol, ['Step', 'Check', 'Answer when it fails']).map(([, , answer]) => answer!);
    const stated = answers.flatMap((answer) =>
      answer.split(';').flatMap((part) => {
        const status = /\d{3}/.exec(part)?.[0];
        return [...part.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => [code!, Number(status)] as const);
      }),
    );
    expect(stated.length).toBeGreaterThan(12);
    for (const [code, status] of stated) expect([code, statusOf.get(code)]).toEqual([code, status]);
  });

  it('6.1: the close codes of a failed $hello are those of the catalogue', () => {
    const rows = tableRows(protocol, ['Error', 'Close']).flatMap(([codes = '', close = '']) =>
      codes.split(/\W\W+/).map((code) => `${code} ${close}`),
    );
    const known = errorCodes.flatMap(({ code, closeCode }) =>
      closeCode === undefined ? [] : [`${code} ${closeCode}`],
    );
    expect(rows.toSorted()).toEqual([...known, `any other ${CloseCode.CONNECT_FAILED}`].toSorted());
  });

  it('14.2: none of the retired is in use', () => {
    expect(errorCodes.filter(({ code }) => retiredErrorCodes.includes(code))).toEqual([]);
    expect(retiredIn('14.2')).toBe(retiredErrorCodes.length === 0 ? 'none' : retiredErrorCodes.join(', '));
  });

  it('1.4: every code that PROTOCOL.md speaks of is in the catalogue', () => {
    const known = new Set<string>([...errorCodes.map(({ code }) => code), ...closeCodes.map(({ name }) => name)]);
    const spoken = [...protocol.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, code]) => code!);
    expect(spoken.filter((code) => !known.has(code))).toEqual([]);
  });
});

describe('causes and remedies', () => {
  it.each([...closeCodes.map((entry) => ({ ...entry, code: entry.name })), ...errorCodes])(
    '$code has both, in whole sentences',
    ({ cause, remedy }) => {
      expect(cause).toMatch(/^[A-Z"].{15,}\.$/);
      expect(remedy).toMatch(/^[A-Za-z"].{15,}\.$/);
      // A bar would end a cell of the tables.
      expect(cause + remedy).not.toContain('|');
    },
  );
});

describe('PROTOCOL.md', () => {
  it('1.1: numbers its clauses in order, each once', () => {
    const numbers = clauseNumbers(protocol).map((number) => number.split('.').map(Number) as [number, number]);
    expect(numbers.length).toBeGreaterThan(50);
    numbers.reduce(([section, clause], next) => {
      expect([
        [section, clause + 1],
        [section + 1, 1],
      ]).toContainEqual(next);
      return next;
    });
  });

  it('1.1: has every clause that sources and tests of this package cite', () => {
    const known = new Set(clauseNumbers(protocol));
    const sections = new Set([...known].map((number) => number.split('.')[0]));
    const cited = ['../src/', '../test/'].flatMap((folder) =>
      readdirSync(new URL(folder, import.meta.url)).flatMap((file) => citations(readDocument(folder + file))),
    );
    expect(cited.length).toBeGreaterThan(40);
    expect(cited.filter((number) => !known.has(number) && !sections.has(number))).toEqual([]);
  });

  it('6.5: lists every reserved event', () => {
    const listed = tableRows(protocol, ['Event', 'Direction', 'Data', 'Legal', 'Clause']).map(([event]) => event!);
    expect(new Set(listed)).toEqual(new Set(Object.values(ReservedEvent)));
  });

  it('3.1, 3.2, 12.1: states the limits of the codec', () => {
    const limits = new Map(
      tableRows(protocol, ['Limit', 'Default', 'Above it']).map(([limit, value]) => [limit, value]),
    );
    expect(limits.get('length of `event`')).toBe(String(defaultDecodeLimits.maxEventLength));
    expect(limits.get('length of `id`')).toBe(String(defaultDecodeLimits.maxIdLength));
    expect(limits.get('length of `room`')).toBe(String(defaultDecodeLimits.maxRoomLength));
    expect(limits.get('nesting of `data`')).toBe(`${defaultDecodeLimits.maxDepth} levels`);
    expect(limits.get('members of `data`')).toBe(defaultDecodeLimits.maxMembers.toLocaleString('en'));
    expect(limits.get('length of a token')).toBe(maxTokenLength.toLocaleString('en'));
  });

  it('12.2: states to what every number of a server is cut', () => {
    const stated = tableRows(protocol, ['Number of the server', 'Largest', 'What the client does with it']);
    const infinite = {
      $drain: parseDrain({ retryAfterMs: Infinity, windowMs: Infinity, reason: '' }),
      $error: parseError({ code: 'C', message: '', retryAfterMs: Infinity }),
      $refresh: parseRefreshRequest({ expiresInMs: Infinity }),
      $welcome: parseWelcome({
        connectionId: 'c',
        heartbeat: { intervalMs: Infinity, graceMs: Infinity },
        limits: { maxPayloadBytes: Infinity },
      }),
      $ping: parseServerPing({ n: Infinity }),
    };
    const found = Object.entries(infinite).flatMap(([event, data]) => (data.ok ? numbersIn(event, data.value) : []));
    // What the client itself makes of that one, before it comes back, is in its own tests.
    const parsed = stated.filter(([number]) => !number!.includes('closed next'));
    expect(parsed.map(([number, largest]) => [number!.split(',')[0]!.replaceAll('`', ''), largest])).toEqual(found);
    expect(stated.find(([number]) => number!.includes('closed next'))?.[1]).toBe(maxWaitMs.toLocaleString('en'));
  });
});

/** Each number in the data of an event, such as `['$drain retryAfterMs', '300,000']`. */
function numbersIn(path: string, data: object): string[][] {
  return Object.entries(data).flatMap(([member, value]: [string, unknown]) => {
    const at = `${path}${path.includes(' ') ? '.' : ' '}${member}`;
    if (typeof value === 'object' && value !== null) return numbersIn(at, value);
    return typeof value === 'number' ? [[at, value.toLocaleString('en')]] : [];
  });
}

function retiredIn(clause: string): string | undefined {
  return protocol
    .split('\n')
    .find((line) => line.startsWith(`**${clause}**`))
    ?.replace(/.*: (.*)\.$/, '$1');
}

/** `PROTOCOL.md 3.4`, `PROTOCOL.md 3 and 12`, and names of tests such as `'3.1, 3.2: ...'`. */
function citations(source: string): string[] {
  const cited = [...source.matchAll(/PROTOCOL\.md (\d+(?:\.\d+)?(?: and \d+(?:\.\d+)?)?)/g)];
  const named = [...source.matchAll(/['"`](\d+\.\d+(?:, \d+\.\d+)*): /g)];
  return [...cited, ...named].flatMap(([, numbers]) => numbers!.split(/, | and /));
}
