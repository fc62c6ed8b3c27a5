import type { DisconnectCause, HoldfastOptions } from '@holdfast/gateway';
import { bundle } from './bundle.js';
import { ScriptProcess } from './script-process.js';

const program = 'client-page-server.ts';
let script: Promise<string> | undefined;

/** Port 0: a free one. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** The application of the page in a process of its own, that can be killed and started again in the same place. */
export class PageProcess implements AsyncDisposable {
  private constructor(
    private readonly process: ScriptProcess,
    readonly host: string,
    readonly port: number,
  ) {}

  /**
   * @param place - where another one was. Default: an address of its own, so that nobody else can take the port
   *   meanwhile.
   * @param run - starts the script; default on this host.
   */
  static async start(
    options: HoldfastOptions = {},
    { host, port }: Place = { host: ownAddress(), port: 0 },
    run: (script: string, args: readonly string[]) => ScriptProcess = (...script) => ScriptProcess.run(...script),
  ): Promise<PageProcess> {
    script ??= bundle(program);
    const process = run(await script, [host, String(port), JSON.stringify(options)]);
    return new PageProcess(process, host, Number(await process.line('listening')));
  }

  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  /** To everybody who is connected. */
  publish(news: string): void {
    this.process.write(`news ${news}`);
  }

  /** Why the next connection ended, of those nobody asked for yet. */
  async nextDeparture(): Promise<DisconnectCause> {
    // As the program prints it.
    return JSON.parse(await this.process.line('left')) as DisconnectCause;
  }

  /** Crashes. */
  async crash(): Promise<void> {
    await this.process.stop();
  }

  /** Shuts down in good order. */
  async terminate(): Promise<void> {
    this.process.signal('SIGTERM');
    await this.process.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

/** One of the sixteen million of the loopback interface, that no other process has. */
function ownAddress(): string {
  const { pid } = process;
  return `127.${(pid >> 16) + 64}.${(pid >> 8) & 255}.${pid & 255}`;
}
