import type { ClientOptions, ConnectionState, StateChange } from '@holdfast/client';
import { bundle } from './bundle.js';
import { quickBackoff } from './client-node.js';
import { deskPath } from './client-node-gateway.js';
import { addresses, type Host, type NetworkNamespaces } from './netns.js';
import { ScriptProcess } from './script-process.js';

/** `DeskGateway` in a process of its own, that can be stopped, killed, or cut off. */
export class DeskProcess implements AsyncDisposable {
  private constructor(
    /** Prints `note <json>` and `never <json>` when these come. */
    readonly script: ScriptProcess,
    private readonly host: string,
    readonly port: number,
  ) {}

  /** On the server's host of a network, or on this machine. */
  static async start(net?: NetworkNamespaces): Promise<DeskProcess> {
    const host = net ? addresses.server : '127.0.0.1';
    const script = await run('client-node-server.ts', 'server', [host], net);
    return new DeskProcess(script, host, Number(await script.line('listening')));
  }

  get url(): string {
    return `ws://${this.host}:${this.port}${deskPath}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.script.stop();
  }
}

/** The client in a process of its own. */
export class PeerProcess implements AsyncDisposable {
  private constructor(readonly script: ScriptProcess) {}

  /** On the client's host of a network, or on this machine. It connects when it is told to. */
  static async start(url: string, given: ClientOptions, net?: NetworkNamespaces): Promise<PeerProcess> {
    const args = [url, JSON.stringify({ backoff: quickBackoff, ...given })];
    return new PeerProcess(await run('client-node-peer.ts', 'client', args, net));
  }

  /** The next change to that state; those before it are passed over. */
  async change(to: ConnectionState): Promise<StateChange> {
    for (;;) {
      // As the program writes it; only errors lose their class on the way.
      const change = JSON.parse(await this.script.line('state')) as StateChange;
      if (change.to === to) return change;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.script.stop();
  }
}

const bundles = new Map<string, Promise<string>>();

async function run(program: string, host: Host, args: string[], net?: NetworkNamespaces): Promise<ScriptProcess> {
  const bundled = bundles.get(program) ?? bundle(program);
  bundles.set(program, bundled);
  const script = await bundled;
  return net ? net.run(host, script, args) : ScriptProcess.run(script, args);
}
