import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Children } from './children.js' */

const root = join(import.meta.dirname, '../..');

/** One process of the service, at the same port after each start. */
export class ClusterNode {
  /** @type {'down' | 'up' | 'paused' | 'draining'} */
  state = 'down';
  /** @type {ChildProcess & { pid: number } | undefined} */
  #child;
  /** @type {string[]} */
  #lastLines = [];
  /** What a command is about to do to it: any other end is one that nobody asked for. */
  #isEndExpected = false;

  /**
   * @param {{
   *   name: string;
   *   port: number;
   *   children: Children;
   *   variables: NodeJS.ProcessEnv;
   *   print: (line: string) => void;
   * }} options
   */
  constructor({ name, port, children, variables, print }) {
    this.name = name;
    this.port = port;
    this.children = children;
    this.variables = variables;
    this.print = print;
  }

  /** @param {Omit<ConstructorParameters<typeof ClusterNode>[0], 'port'>} options */
  static async create(options) {
    return new ClusterNode({ ...options, port: await freePort() });
  }

  get pid() {
    return this.state === 'down' ? undefined : this.#child?.pid;
  }

  /** Resolves when it accepts connections, or has ended without. */
  async start() {
    const child = await this.children.spawn(process.execPath, ['--enable-source-maps', 'dist/main.js'], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        PORT: String(this.port),
        NO_COLOR: '1',
        HOLDFAST_NODE_NAME: this.name,
        ...this.variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#lastLines = [];
    this.#isEndExpected = false;
    const ended = once(child, 'close').then(([code, signal]) => this.#ended(code, signal));
    const listening = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (!stream) continue;
        createInterface({ input: stream }).on('line', (line) => {
          this.#read(line);
          if (/http:\/\/\S+:\d+/.test(line)) resolve('up');
        });
      }
    });
    if ((await Promise.race([listening, ended])) !== 'up') return;
    this.state = 'up';
    this.print(`Node ${this.name} is up: process ${child.pid}, port ${this.port}`);
  }

  /** Resolves when it has ended. */
  async kill() {
    await this.#endBy('SIGKILL');
  }

  /** As a deploy does it. Resolves when its clients have been handed over and it has ended. */
  async drain() {
    this.state = 'draining';
    this.print(`Node ${this.name} drains`);
    await this.#endBy('SIGTERM');
  }

  pause() {
    this.#child?.kill('SIGSTOP');
    this.state = 'paused';
    this.print(`Node ${this.name} is paused: it keeps its connections and answers nobody`);
  }

  resume() {
    this.#child?.kill('SIGCONT');
    this.state = 'up';
    this.print(`Node ${this.name} is resumed`);
  }

  /** @param {NodeJS.Signals} signal */
  async #endBy(signal) {
    const child = this.#child;
    if (!child) return;
    this.#isEndExpected = true;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  /**
   * @param {number | null} code
   * @param {NodeJS.Signals | null} signal
   */
  #ended(code, signal) {
    this.state = 'down';
    if (this.children.isEnding) return 'down';
    const by = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    this.print(`Node ${this.name} ${by}`);
    if (!this.#isEndExpected) this.print(this.#lastLines.map((line) => `  ${line}`).join('\n'));
    return 'down';
  }

  /** @param {string} line */
  #read(line) {
    this.#lastLines = [...this.#lastLines.slice(-9), line];
    const [report] = /Drained \d+ connections.*/.exec(line) ?? [];
    if (report) this.print(`Node ${this.name}: ${report}`);
  }
}
