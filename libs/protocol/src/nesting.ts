/** As much of a string as the scan needs, so that a test can count what it reads. */
export interface CharSource {
  readonly length: number;
  charCodeAt(index: number): number;
  indexOf(search: string, from: number): number;
}

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Whether arrays and objects are nested more than `maxDepth` deep in a JSON text. Looks at each character three times
 * at most and does not recurse: a hostile text costs no more than a friendly one of its length, and no stack.
 */
export function exceedsDepth(json: CharSource, maxDepth: number): boolean {
  return mayExceed(json, maxDepth) && scan(json, maxDepth);
}

/**
 * Rules out nearly all texts at a twentieth of the cost of the scan, which is as much as parsing: those that are too
 * short for so many pairs of brackets, and those that have too few brackets, counting the ones inside of strings too.
 */
function mayExceed(json: CharSource, maxDepth: number): boolean {
  if (json.length < 2 * (maxDepth + 1)) return false;
  let openings = 0;
  for (const opening of ['{', '[']) {
    for (let at = json.indexOf(opening, 0); at !== -1; at = json.indexOf(opening, at + 1)) {
      if (++openings > maxDepth) return true;
    }
  }
  return false;
}

function scan(json: CharSource, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const char = json.charCodeAt(index);
    if (inString) {
      if (char === quote) inString = false;
      else if (char === backslash) index++;
    } else if (char === quote) {
      inString = true;
    } else if (char === openBrace || char === openBracket) {
      if (++depth > maxDepth) return true;
    } else if (char === closeBrace || char === closeBracket) {
      depth--;
    }
  }
  return false;
}
