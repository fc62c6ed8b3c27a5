import { spawn } from 'node:child_process';
import { bundle } from './bundle.js';
import { ScriptProcess } from './script-process.js';

/** What a process with clients holds, after a collection of its garbage. */
export interface Census {
  readonly descriptors: number;
  /** Kinds of what keeps its loop alive, besides the pipes to the test. */
  readonly resources: readonly string[];
  /** Listeners of all clients on the signal that they share. */
  readonly abortListeners: number;
  /** Clients and sockets that were not collected. */
  readonly uncollected: number;
}

/** Makes clients and is done with them, in a process of its own whose garbage can be collected. */
export class CycleProcess implements AsyncDisposable {
  private constructor(readonly script: ScriptProcess) {}

  static async start(url: string): Promise<CycleProcess> {
    const path = await bundle('client-node-cycles.ts');
    const child = spawn(process.execPath, ['--expose-gc', path, url], { stdio: ['pipe', 'pipe', 'pipe'] });
    return new CycleProcess(new ScriptProcess(child, path));
  }

  /**
   * So many clients come and go. Gives what has become of all requests so far: how many were answered, or failed by
   * which code.
   */
  async cycle(clients: number): Promise<Readonly<Record<string, number>>> {
    this.script.write(`cycle ${clients}`);
    // As the program writes it.
    return JSON.parse(await this.script.line('outcomes')) as Record<string, number>;
  }

  async census(): Promise<Census> {
    this.script.write('census');
    // As the program writes it.
    return JSON.parse(await this.script.line('census')) as Census;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.script.stop();
  }
}
