import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureOf } from './requirement.js';
import { until } from './until.js';

/** What is replaced in the shipped files, and by what. */
export type Replacements = Readonly<Record<string, string>>;

/** How one kind of proxy is run. */
export interface ProxyProgram {
  /** Checks the configuration and ends. */
  check(folder: string): readonly [string, ...string[]];
  /** Stays in the foreground. */
  run(folder: string): readonly [string, ...string[]];
  readonly reloadSignal: NodeJS.Signals;
  /** Whether what it has written since its start or reload says that new connections meet the configuration. */
  serves(log: string): boolean;
}

/** Debian installs both outside the PATH of ordinary users. */
const proxyPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const shipped = join(import.meta.dirname, '../../deploy');

/** A file as it is shipped in `deploy`. */
export function shippedFile(path: string): string {
  return readFileSync(join(shipped, path), 'utf8');
}

/** Why a proxy cannot be used; undefined when it can. */
export function proxyMissing(program: 'nginx' | 'haproxy'): string | undefined {
  return failureOf('env', [`PATH=${proxyPath}`, program, '-v']);
}

/** A proxy with the shipped files, in a folder of its own. */
export class ProxyProcess implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-proxy-'));
  readonly #child: ChildProcess;

  private constructor(
    private readonly program: ProxyProgram,
    files: Readonly<Record<string, string>>,
    private readonly replacements: Replacements,
  ) {
    this.#write(files);
    const [command, ...args] = program.run(this.#folder);
    const stdio = this.#output();
    this.#child = spawn(command, args, { env: { PATH: proxyPath }, stdio });
    closeSync(stdio[1]);
  }

  /** @param files - by name: where it is to be, and which of the shipped files it is, possibly changed */
  static async start(
    program: ProxyProgram,
    files: Readonly<Record<string, string>>,
    replacements: Replacements,
  ): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(program, files, replacements);
    try {
      await proxy.#servesAfter(0);
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** Resolves when new connections meet the new configuration. */
  async reload(files: Readonly<Record<string, string>>): Promise<void> {
    this.#write(files);
    const before = this.log.length;
    this.#child.kill(this.program.reloadSignal);
    await this.#servesAfter(before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      // Ends its workers too, at once.
      this.#child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #log(): string {
    return join(this.#folder, 'log');
  }

  #write(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(
        join(this.#folder, name),
        replaceAll(content, { ...this.replacements, '/tmp/': `${this.#folder}/` }),
      );
    }
    const [command, ...args] = this.program.check(this.#folder);
    const stdio = this.#output();
    const { status } = spawnSync(command, args, { env: { PATH: proxyPath }, stdio });
    closeSync(stdio[1]);
    if (status !== 0) throw new Error(`The configuration is refused:\n${this.log}`);
  }

  /** A file, because /dev/stdout cannot be opened when it is one of the sockets that Node takes for pipes. */
  #output(): ['ignore', number, number] {
    const log = openSync(this.#log, 'a');
    return ['ignore', log, log];
  }

  async #servesAfter(before: number): Promise<void> {
    const serves = (): boolean => this.program.serves(this.log.slice(before));
    await until('the proxy serves', serves).catch((error: unknown) => {
      throw new Error(`Does not serve:\n${this.log}`, { cause: error });
    });
  }
}

export const nginx: ProxyProgram = {
  check: (folder) => ['nginx', '-t', ...nginxIn(folder), '-g', 'error_log stderr;'],
  // Its steps are told at the level notice.
  run: (folder) => ['nginx', ...nginxIn(folder), '-g', 'daemon off; error_log stderr notice;'],
  reloadSignal: 'SIGHUP',
  serves: (log) => {
    const begun = timesIn(log, /start worker process \d/g);
    const stopping = timesIn(log, /gracefully shutting down/g);
    // After a reload an old worker may still accept until it has said so.
    return begun > 0 && stopping >= (log.includes('reconfiguring') ? begun : 0);
  },
};

export const haproxy: ProxyProgram = {
  check: (folder) => ['haproxy', '-c', '-f', join(folder, 'haproxy.cfg')],
  run: (folder) => ['haproxy', '-W', '-f', join(folder, 'haproxy.cfg')],
  reloadSignal: 'SIGUSR2',
  serves: (log) => log.includes('Loading success'),
};

function nginxIn(folder: string): string[] {
  return ['-p', folder, '-c', join(folder, 'nginx.conf')];
}

function timesIn(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

function replaceAll(content: string, replacements: Replacements): string {
  return Object.entries(replacements).reduce((text, [from, to]) => text.replaceAll(from, to), content);
}
