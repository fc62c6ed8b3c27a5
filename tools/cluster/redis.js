import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { systemPath } from './programs.js';

/**
 * Starts Redis with the settings that Holdfast asks for, without data.
 *
 * @param {import('./children.js').Children} children
 */
export async function startRedis(children) {
  const port = await freePort();
  const dir = join(children.folder, 'redis');
  mkdirSync(dir);
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    save: '',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const { pid, stdout } = await children.spawn('redis-server', args, {
    env: { PATH: systemPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await says(/** @type {import('node:stream').Readable} */ (stdout), /Ready to accept connections/, 'redis-server');
  return { pid, port, url: `redis://127.0.0.1:${port}` };
}

/**
 * Resolves when the text matches, and goes on reading: a program whose output is not read is held up by it.
 *
 * @param {import('node:stream').Readable} output
 * @param {RegExp} pattern
 * @param {string} program
 */
async function says(output, pattern, program) {
  let log = '';
  output.setEncoding('utf8').on('data', (chunk) => (log += chunk));
  while (!pattern.test(log)) {
    if (output.readableEnded) throw new Error(`${program} has ended:\n${log}`);
    await Promise.race([once(output, 'data'), once(output, 'end')]);
  }
}
