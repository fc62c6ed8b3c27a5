import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** A script that runs in a process of its own; what it prints can be waited for. */
export class ScriptProcess implements AsyncDisposable {
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  #over = false;
  #wake: () => void = () => undefined;

  /** Exit code, or null after a signal. */
  exitCode: number | null = null;

  constructor(
    private readonly child: ChildProcess,
    private readonly script: string,
  ) {
    if (!child.stdout || !child.stderr) throw new TypeError('the output of the script has to be piped');
    const complaint = text(child.stderr);
    createInterface(child.stdout).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    // A script that has ended reads no more input.
    child.stdin?.on('error', () => undefined);
    this.#ended = once(child, 'close').then(async ([code]: unknown[]) => {
      this.exitCode = typeof code === 'number' ? code : null;
      const stderr = await complaint;
      if (stderr !== '') this.#lines.push(`stderr: ${stderr}`);
      this.#over = true;
      this.#wake();
    });
  }

  /** Runs a script. `args` follow it. Default interpreter: this Node. */
  static run(script: string, args: readonly string[] = [], interpreter: string = process.execPath): ScriptProcess {
    return new ScriptProcess(spawn(interpreter, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }), script);
  }

  /** Everything that was printed so far and not yet taken. */
  get printed(): readonly string[] {
    return this.#lines;
  }

  /** Takes the next printed line that begins with `prefix`, and gives what follows it. Lines before it are dropped. */
  async line(prefix: string): Promise<string> {
    for (const seen: string[] = []; ;) {
      const line = this.#lines.shift();
      if (line?.startsWith(prefix)) return line.slice(prefix.length).trim();
      if (line !== undefined) seen.push(line);
      else if (this.#over) throw new Error(`${this.script} ended without "${prefix}":\n${seen.join('\n')}`);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Writes a line to the script's stdin. */
  write(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Freezes the script with SIGSTOP and thaws it with SIGCONT; SIGKILL ends it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    this.child.kill(signal);
  }

  /** Waits until the script has ended by itself. */
  async end(): Promise<void> {
    await this.#ended;
  }

  /** Kills the script, if it has not ended, and waits for its end. */
  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
