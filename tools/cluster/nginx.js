import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { systemPath } from './programs.js';

const shipped = join(import.meta.dirname, '../../deploy/nginx');

/** nginx with the files of deploy/nginx, where only addresses and folders are replaced. */
export class Nginx {
  /** @param {{ pid: number; port: number; folder: string }} started */
  constructor({ pid, port, folder }) {
    this.pid = pid;
    this.port = port;
    this.folder = folder;
  }

  /**
   * @param {import('./children.js').Children} children
   * @param {readonly number[]} nodePorts
   */
  static async start(children, nodePorts) {
    const folder = join(children.folder, 'nginx');
    mkdirSync(folder);
    const port = await freePort();
    writeFiles(folder, port, nodePorts);
    // A file, because nginx opens /dev/stdout for its access log, which fails when that is a pipe of Node.
    const log = openSync(join(folder, 'log'), 'a');
    const args = [...configuredIn(folder), '-g', 'daemon off;'];
    const { pid } = await children.spawn('nginx', args, {
      env: { PATH: systemPath },
      stdio: ['ignore', log, log],
      hasWorkers: true,
    });
    closeSync(log);
    await accepts(port, folder);
    return new Nginx({ pid, port, folder });
  }

  /** @returns {string | undefined} why the configuration is not accepted; undefined when it is */
  reload() {
    const args = [...configuredIn(this.folder), '-s', 'reload'];
    const { status, stderr } = spawnSync('nginx', args, { env: { PATH: systemPath }, encoding: 'utf8' });
    return status === 0 ? undefined : stderr.trim();
  }
}

/** @param {string} folder */
function configuredIn(folder) {
  return ['-p', folder, '-c', join(folder, 'nginx.conf')];
}

/**
 * @param {string} folder
 * @param {number} port
 * @param {readonly number[]} nodePorts
 */
function writeFiles(folder, port, nodePorts) {
  const replacements = Object.entries({
    '/tmp/': `${folder}/`,
    'listen 8080;': `listen 127.0.0.1:${port};`,
    ...Object.fromEntries(nodePorts.map((node, index) => [`holdfast-${index + 1}:3000`, `127.0.0.1:${node}`])),
  });
  for (const name of ['nginx.conf', 'holdfast.conf', 'upstream.conf']) {
    const text = readFileSync(join(shipped, name), 'utf8');
    writeFileSync(
      join(folder, name),
      replacements.reduce((result, [from, to]) => result.replaceAll(from, to), text),
    );
  }
}

/**
 * @param {number} port
 * @param {string} folder
 */
async function accepts(port, folder) {
  for (const deadline = Date.now() + 10_000; ; await sleep(20)) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (cause) {
      if (Date.now() > deadline) {
        throw new Error(`nginx does not accept connections:\n${readFileSync(join(folder, 'log'), 'utf8')}`, { cause });
      }
    } finally {
      socket.destroy();
    }
  }
}
