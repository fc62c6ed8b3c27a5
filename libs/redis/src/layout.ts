import { BackplaneError } from '@holdfast/backplane';
import { type Keys, partitions } from './keys.js';
import { script } from './scripts/script.js';
import type { Argument, Script } from './link.js';

/** Of names of keys and of what they hold. Another version would look for rooms elsewhere, or not understand them. */
const layout = `1 of ${partitions}`;

/** Writes the layout down, once. KEYS: layout. ARGV: layout. Returns the one that is written there. */
const remember = script(
  `
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
`,
);

/** @throws BackplaneError `MISCONFIGURED` when data of another layout is under the prefix */
export async function checkLayout(
  keys: Keys,
  run: (script: Script, key: string, args: readonly Argument[]) => Promise<unknown>,
): Promise<void> {
  const found = String(await run(remember, keys.layout, [layout]));
  if (found === layout) return;
  throw new BackplaneError(
    'connect',
    'MISCONFIGURED',
    'none',
    `The key ${keys.layout} says that the data under this prefix has the layout "${found}", and this version writes ` +
      `"${layout}": choose another prefix`,
  );
}
