import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @import { ChildProcess, StdioOptions } from 'node:child_process' */

/** All processes of the cluster and its temporary folder. They are gone when this process is, however it ends. */
export class Children {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  #guardian = spawn(process.execPath, [join(import.meta.dirname, 'guardian.js')], {
    stdio: ['pipe', 'ignore', 'inherit'],
    // Ctrl+C is sent to all processes of the group of this one, and the guardian has to outlive it.
    detached: true,
  });
  /** @type {Set<number>} */
  #groups = new Set();
  isEnding = false;

  constructor() {
    this.#tellGuardian();
  }

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {{ cwd?: string; env: NodeJS.ProcessEnv; stdio: StdioOptions }} options
   * @returns {Promise<ChildProcess & { pid: number }>}
   */
  async spawn(program, args, options) {
    // In a group of its own, so that Ctrl+C does not end it before its turn, and so that its workers end with it.
    const child = spawn(program, args, { ...options, detached: true });
    await once(child, 'spawn');
    const pid = /** @type {number} */ (child.pid);
    this.#groups.add(pid);
    this.#tellGuardian();
    child.once('exit', () => {
      this.#groups.delete(pid);
      this.#tellGuardian();
    });
    return Object.assign(child, { pid });
  }

  /** Ends all of them at once, and removes the folder. */
  async end() {
    this.isEnding = true;
    this.#guardian.stdin.end();
    if (this.#guardian.exitCode === null) await once(this.#guardian, 'exit');
  }

  #tellGuardian() {
    const { stdin } = this.#guardian;
    if (stdin.writable) stdin.write(`${JSON.stringify({ folder: this.folder, groups: [...this.#groups] })}\n`);
  }
}
