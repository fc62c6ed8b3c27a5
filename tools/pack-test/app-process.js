import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

/** The fresh application, run by plain Node as its users would run it. */
export class AppProcess {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {Promise<{ code: number | null, signal: string | null }> | undefined} */
  #ended;
  #output = '';
  #origin = '';

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
  }

  /** Resolves when it listens; rejects with its output when it does not. */
  async start() {
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    /** @type {Promise<void>} */
    const listening = new Promise((resolve) => {
      /** @param {Buffer} chunk */
      const read = (chunk) => {
        this.#output += chunk.toString();
        const found = /listening on http:\/\/(\S+)/.exec(this.#output)?.[1];
        if (found === undefined) return;
        this.#origin = found;
        resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
    });
    const ending = this.#ended.then(({ code }) => assert.fail(`it ended with ${code}:\n${this.#output}`));
    await this.#within(START_LIMIT_MS, Promise.race([listening, ending]), 'it does not listen');
  }

  /**
   * @param {string} scheme
   * @param {string} path
   */
  url(scheme, path) {
    return `${scheme}://${this.#origin}${path}`;
  }

  /** Asks it to end, and checks that its shutdown hooks ran and nothing had to be forced. */
  async stop() {
    assert.ok(this.#child && this.#ended);
    this.#child.kill('SIGTERM');
    const { code, signal } = await this.#within(STOP_LIMIT_MS, this.#ended, 'it does not end');
    assert.match(this.#output, /^shut down$/m);
    // Nest repeats the signal to itself once its hooks have run.
    assert.ok(code === 0 || signal === 'SIGTERM', `it ended with code ${code}, signal ${signal}:\n${this.#output}`);
    assert.doesNotMatch(this.#output, /\bERROR\b/);
  }

  kill() {
    this.#child?.kill('SIGKILL');
  }

  /**
   * @template T
   * @param {number} limitMs
   * @param {Promise<T>} promise
   * @param {string} complaint
   * @returns {Promise<T>}
   */
  async #within(limitMs, promise, complaint) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    /** @type {Promise<never>} */
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${complaint} within ${limitMs} ms:\n${this.#output}`)), limitMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
