import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { HoldfastOptions } from '@holdfast/gateway';
import { bundle } from './bundle.js';

const program = 'hostile-server.ts';
let script: Promise<string> | undefined;
const mebibyte = 1024 * 1024;

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Lines of the log that any client can cause, ten of each kind in ten seconds. */
export const arrival = /(Connected|Disconnected|Rejected .*: [A-Z_]+) /;

/**
 * A server in a process of its own, so that a crash is seen as one, and memory and descriptors are the server's alone.
 */
export class ServerProcess implements AsyncDisposable {
  /** What it has written so far, to stdout and stderr alike. */
  readonly lines: string[] = [];
  /** What it has written of who came, who left and who was rejected, by kind. */
  readonly arrivals: string[] = [];
  readonly ended: Promise<ProcessEnd>;
  #end: ProcessEnd | undefined;
  #port = 0;
  #memoryAtStart = 0;

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'close').then(([code, signal]: unknown[]) => {
      // 'close' tells of one or the other.
      this.#end = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.#end;
    });
  }

  /** @param options - of Holdfast, as far as JSON can express them. Default none. */
  static async start(options: HoldfastOptions = {}): Promise<ServerProcess> {
    script ??= bundle(program);
    const env = { ...process.env, HOSTILE_OPTIONS: JSON.stringify(options), NO_COLOR: '1' };
    const child = spawn(process.execPath, [await script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new ServerProcess(child);
    await server.#listening();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Resident memory when it began to listen, in MiB. */
  get memoryAtStart(): number {
    return this.#memoryAtStart;
  }

  get pid(): number {
    // It has printed something, so it runs.
    return this.child.pid!;
  }

  /** Undefined while it runs. */
  get end(): ProcessEnd | undefined {
    return this.#end;
  }

  url(path = '/'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** Descriptors it holds now. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /**
   * The most memory it had since {@link forgetPeak}, in MiB. The kernel keeps it, so no peak falls between two looks.
   */
  get peakMemory(): number {
    return this.#status('VmHWM');
  }

  forgetPeak(): void {
    // proc(5): 5 resets the peak to what is resident now.
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  /** Leaves it the descriptors that it has, and no other, until {@link grantDescriptors}. */
  exhaustDescriptors(): void {
    const taken = new Set(readdirSync(`/proc/${this.pid}/fd`).map(Number));
    let free = 0;
    while (taken.has(free)) free++;
    // The limit is on the number of a descriptor, not on how many there are; those above it live on.
    this.#limit(free);
  }

  grantDescriptors(): void {
    this.#limit(1_024);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  #limit(soft: number): void {
    const args = ['--pid', String(this.pid), `--nofile=${soft}:`];
    const { status, stderr } = spawnSync('prlimit', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`prlimit: ${stderr}`);
  }

  async #listening(): Promise<void> {
    const { stdout, stderr } = this.child;
    const url = new Promise<string>((found) => {
      for (const input of [stdout, stderr]) {
        // Both are pipes.
        createInterface(input!).on('line', (line) => {
          (arrival.test(line) ? this.arrivals : this.lines).push(line);
          if (line.startsWith('listening on ')) found(line);
        });
      }
    });
    const line = await Promise.race([url, this.ended]);
    if (typeof line !== 'string') throw new Error(`the server did not start:\n${this.lines.join('\n')}`);
    this.#port = Number(/:(\d+)$/.exec(line)?.[1]);
    this.#memoryAtStart = this.#status('VmRSS');
  }

  #status(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / mebibyte;
  }
}
