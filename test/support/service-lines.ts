import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a Node script prints, line by line. */
export class OutputLines {
  readonly #lines: AsyncIterator<string>;
  readonly #child: ChildProcess;

  constructor(script: string, variables: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [script], {
      env: { PATH: process.env['PATH'], ...variables },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line; throws when there is none any more. */
  async next(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done) throw new Error('The script has ended without another line');
    return line.value;
  }

  /** Ends a script that does not end by itself. */
  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
