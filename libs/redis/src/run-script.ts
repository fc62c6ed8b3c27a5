import { type Argument, LinkError, type RedisLink, type Script } from './link.js';

/**
 * Runs a script, by its text where the server does not know it: it is new, was restarted or has taken over.
 *
 * @returns the reply, with each string as a Buffer
 * @throws LinkError
 */
export async function runScript(
  link: RedisLink,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
  deadlineMs: number,
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args];
  try {
    return await link.command('EVALSHA', [script.sha1, ...rest], deadlineMs);
  } catch (error) {
    if (!(error instanceof LinkError && error.message.includes('NOSCRIPT'))) throw error;
    return await link.command('EVAL', [script.text, ...rest], deadlineMs);
  }
}
