import type { CharSource } from './nesting.js';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/**
 * Whether a valid JSON text has more than `max` members: properties of objects and elements of arrays, at every level.
 * Takes time linear in the length of the text, and does not recurse.
 */
export function exceedsMembers(json: CharSource, max: number): boolean {
  return mayExceed(json, max) && count(json, max) > max;
}

/**
 * Rules out most texts at a fraction of the cost of counting: those that have too few commas and brackets, strings
 * included.
 */
function mayExceed(json: CharSource, max: number): boolean {
  let found = 0;
  for (const sign of [',', '{', '[']) {
    for (let at = json.indexOf(sign, 0); at !== -1; at = json.indexOf(sign, at + 1)) {
      if (++found > max) return true;
    }
  }
  return false;
}

/** @returns the number of members, or the first number above `max`. */
function count(json: CharSource, max: number): number {
  let members = 0;
  let inString = false;
  let isFirst = false;
  for (let index = 0; index < json.length && members <= max; index++) {
    const char = json.charCodeAt(index);
    if (inString) {
      if (char === quote) inString = false;
      else if (char === backslash) index++;
      continue;
    }
    if (isSpace(char)) continue;
    // What follows an opening bracket is its first member, unless it closes at once.
    if (isFirst && !isClosing(char)) members++;
    else if (char === comma) members++;
    isFirst = isOpening(char);
    inString = char === quote;
  }
  return members;
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09;
}

function isOpening(char: number): boolean {
  return char === 0x5b || char === 0x7b;
}

function isClosing(char: number): boolean {
  return char === 0x5d || char === 0x7d;
}
