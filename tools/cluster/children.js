import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** @import { ChildProcess, StdioOptions } from 'node:child_process' */

/** How long those with workers have until they are killed. */
const patienceMs = 2_000;

/** All processes of the cluster and its temporary folder. They are gone when this process is, however it ends. */
export class Children {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  #guardian = spawn(process.execPath, [join(import.meta.dirname, 'guardian.js')], {
    stdio: ['pipe', 'ignore', 'inherit'],
    // Ctrl+C is sent to all processes of the group of this one, and the guardian has to outlive it.
    detached: true,
  });
  /** By process id: when each has ended. @type {Map<number, Promise<unknown>>} */
  #running = new Map();
  /** Those that wait for processes of their own when they are asked to end. @type {Set<number>} */
  #parents = new Set();
  isEnding = false;

  constructor() {
    this.#tellGuardian();
  }

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {{ cwd?: string; env: NodeJS.ProcessEnv; stdio: StdioOptions; hasWorkers?: boolean }} options
   * @returns {Promise<ChildProcess & { pid: number }>}
   */
  async spawn(program, args, { hasWorkers = false, ...options }) {
    // In a group of its own, so that Ctrl+C does not end it before its turn, and so that its workers end with it.
    const child = spawn(program, args, { ...options, detached: true });
    await once(child, 'spawn');
    const pid = /** @type {number} */ (child.pid);
    const ended = once(child, 'exit').then(() => {
      this.#running.delete(pid);
      this.#parents.delete(pid);
      this.#tellGuardian();
    });
    this.#running.set(pid, ended);
    if (hasWorkers) this.#parents.add(pid);
    this.#tellGuardian();
    return Object.assign(child, { pid });
  }

  /** Ends all of them at once, and removes the folder. */
  async end() {
    this.isEnding = true;
    const all = [...this.#running.values()];
    const parents = [...this.#parents];
    const ended = Promise.all(parents.map((pid) => this.#running.get(pid)));
    for (const pid of parents) process.kill(pid, 'SIGTERM');
    await Promise.race([ended, sleep(patienceMs)]);
    const { stdin, exitCode } = this.#guardian;
    stdin.end();
    if (exitCode === null) await once(this.#guardian, 'exit');
    await Promise.all(all);
  }

  #tellGuardian() {
    const { stdin } = this.#guardian;
    if (stdin.writable) stdin.write(`${JSON.stringify({ folder: this.folder, groups: [...this.#running.keys()] })}\n`);
  }
}
