import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bundle } from '../support/bundle.js';
import type { ChaosRecord } from './records.js';

let script: Promise<string> | undefined;

/** A node of the cluster, which may be ended and started again on the same port. */
export class NodeProcess {
  /** What it has complained of. */
  readonly complaints: string[] = [];
  /** Ends that nobody has ordered. */
  readonly crashes: string[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #isOrdered = false;

  constructor(
    readonly port: number,
    private readonly variables: Readonly<Record<string, string>>,
    private readonly record: (record: ChaosRecord) => void,
  ) {}

  /** Resolves when it listens. */
  async start(): Promise<void> {
    script ??= bundle('chaos-node.ts');
    const env = { PATH: process.env['PATH'], PORT: String(this.port), ...this.variables };
    const child = spawn(process.execPath, [await script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#isOrdered = false;
    this.#ended = once(child, 'close').then(([code, signal]) => {
      if (!this.#isOrdered)
        this.crashes.push(`${String(code)} ${String(signal)}: ${this.complaints.slice(-5).join('\n')}`);
    });
    createInterface(child.stderr).on('line', (line) => this.complaints.push(line));
    await new Promise<void>((listening, failed) => {
      createInterface(child.stdout).on('line', (line) => {
        if (line === 'listening') listening();
        // Safe: the node prints records, and lines of its log.
        else if (line.startsWith('{"type":')) this.record(JSON.parse(line) as ChaosRecord);
        else this.complaints.push(line);
      });
      void this.#ended.then(() => failed(new Error(`A node has not started:\n${this.complaints.join('\n')}`)));
    });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#isOrdered = true;
    this.#child?.kill(signal);
    await this.#ended;
  }
}
