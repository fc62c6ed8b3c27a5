import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { HoldfastOptions } from '@holdfast/gateway';
import { bundle } from '../support/bundle.js';

/** What a server holds, after a garbage collection. */
export interface FuzzState {
  readonly connections: number;
  /** Heap, and buffers outside of it. */
  readonly bytes: number;
}

/** A way to break the server of the fuzzer, so that it can be seen to notice. */
export type Sabotage = 'place' | 'memory' | 'stall' | 'crash' | 'answer';

let script: Promise<string> | undefined;

/** The server that is fuzzed, in a process of its own. */
export class Subject implements AsyncDisposable {
  readonly #ended: Promise<unknown>;
  #hasEnded = false;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** What it has written, to stdout and stderr alike. */
    readonly lines: readonly string[],
  ) {
    this.#ended = once(child, 'exit').then(() => (this.#hasEnded = true));
  }

  static async start(options: HoldfastOptions, sabotage: Sabotage | undefined): Promise<Subject> {
    script ??= bundle('fuzz-server.ts');
    const env = { ...process.env, HOLDFAST_OPTIONS: JSON.stringify(options), SABOTAGE: sabotage, NO_COLOR: '1' };
    const child = fork(await script, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const lines: string[] = [];
    const port = await new Promise<number>((resolve, reject) => {
      for (const input of [child.stdout, child.stderr]) {
        if (!input) continue;
        createInterface(input).on('line', (line) => {
          lines.push(line);
          const [, found] = /^listening on .*:(\d+)$/.exec(line) ?? [];
          if (found !== undefined) resolve(Number(found));
        });
      }
      child.once('exit', () => reject(new Error(`the server did not start:\n${lines.join('\n')}`)));
    });
    return new Subject(child, port, lines);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Descriptors it holds now. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.child.pid ?? 0}/fd`).length;
  }

  async state(): Promise<FuzzState> {
    this.child.send('state');
    const [state] = (await Promise.race([
      once(this.child, 'message'),
      this.#ended.then(() => [undefined]),
    ])) as unknown[];
    if (state === undefined) throw new Error('the process has ended');
    // The server sends nothing else.
    return state as FuzzState;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}
