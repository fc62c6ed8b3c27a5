import { type Argument, LinkError, type RedisLink, type Script } from './link.js';

/**
 * Runs a script, by its text where the server does not know it: it is new, was restarted or has taken over.
 *
 * @param key - of the slot, also where the script has no keys
 * @returns the reply, with each string as a Buffer
 * @throws LinkError
 */
export async function runScript(
  link: RedisLink,
  script: Script,
  key: string,
  keys: readonly string[],
  args: readonly Argument[],
  deadlineMs: number,
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args];
  try {
    return await link.command(key, 'EVALSHA', [script.sha1, ...rest], deadlineMs);
  } catch (error) {
    if (!(error instanceof LinkError && error.message.includes('NOSCRIPT'))) throw error;
    return await link.command(key, 'EVAL', [script.text, ...rest], deadlineMs);
  }
}
