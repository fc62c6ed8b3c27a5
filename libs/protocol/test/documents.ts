import { readFileSync } from 'node:fs';

export function readDocument(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

/** The rows of the one Markdown table that has exactly these column titles; cells without code marks. */
export function tableRows(document: string, titles: readonly string[]): string[][] {
  const lines = document.split('\n');
  const heads = lines.flatMap((line, index) => (cellsOf(line).join('|') === titles.join('|') ? [index] : []));
  if (heads.length !== 1) throw new Error(`${heads.length} tables have the columns ${titles.join(', ')}`);
  const rows = lines.slice(heads[0]! + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf);
}

/** The numbers of all clauses, such as `3.2`. */
export function clauseNumbers(protocol: string): string[] {
  return [...protocol.matchAll(/^\*\*(\d+\.\d+)\*\* /gm)].map(([, number]) => number!);
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1'));
}
