import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * The service as `npm start` builds it (global-setup.ts has), as a process of its own, that sees these variables and no
 * others of ours.
 */
export class ServiceProcess implements AsyncDisposable {
  /** What it has written so far. */
  log = '';
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child;

  /**
   * @param folder - where it has been built; default: here
   * @param command - what starts it; default: Node, with what was built
   */
  constructor(
    variables: Readonly<Record<string, string>>,
    folder = root,
    [program, ...args]: readonly [string, ...string[]] = [process.execPath, 'dist/main.js'],
  ) {
    this.#child = spawn(program, args, {
      cwd: folder,
      env: { PATH: process.env['PATH'], PORT: '0', NO_COLOR: '1', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.log += chunk;
      });
    }
    this.ended = once(this.#child, 'close').then(
      // Node gives one of the two and null for the other.
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    );
  }

  /** The `http:` address in its log, without a slash at the end; throws if it ends without one. */
  async url(): Promise<string> {
    for (;;) {
      const [url] = /http:\/\/[^\s"]+:\d+(?=\s|")/.exec(this.log) ?? [];
      if (url) return url;
      const outcome = await Promise.race([once(this.#child.stdout, 'data'), this.ended]);
      if (!Array.isArray(outcome)) throw new Error(`The service ended (${outcome}) without an address:\n${this.log}`);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
