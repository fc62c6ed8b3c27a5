import { execFile, spawn } from 'node:child_process';
import { failureOf } from './requirement.js';
import { ScriptProcess } from './script-process.js';

/** The two hosts: each a network namespace with one address, joined by a cable. */
export type Host = 'server' | 'client';

/** Their addresses; the same in every pair, because no pair can see another. */
export const addresses: Readonly<Record<Host, string>> = { server: '10.97.0.1', client: '10.97.0.2' };

const hosts: readonly Host[] = ['server', 'client'];

/** Why network namespaces cannot be used here; undefined when they can. */
export function netnsAvailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const probe = `hf-probe-${process.pid}`;
  const missing = failureOf('nft', ['--version']) ?? failureOf('ip', ['netns', 'add', probe]);
  if (missing !== undefined) return missing;
  // Some containers let one name a namespace, but not filter inside it.
  const unfiltered = failureOf('ip', ['netns', 'exec', probe, 'nft', 'list', 'tables']);
  return failureOf('ip', ['netns', 'delete', probe]) ?? unfiltered;
}

/**
 * Two hosts of the kernel's own, for faults that no proxy can make: packets vanish, and neither end hears of it.
 * Everything that runs in them ends, and all traces of them go, when they are disposed of.
 */
export class NetworkNamespaces implements AsyncDisposable {
  static #created = 0;
  readonly #children = new Set<ScriptProcess>();

  private constructor(private readonly names: Readonly<Record<Host, string>>) {}

  static async create(): Promise<NetworkNamespaces> {
    const suffix = `${process.pid}-${++NetworkNamespaces.#created}`;
    const net = new NetworkNamespaces({ server: `hf-s-${suffix}`, client: `hf-c-${suffix}` });
    try {
      await net.#build();
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
    return net;
  }

  /** Runs a Node script in a host. `args` follow the script; its lines on stdout can be waited for. */
  run(host: Host, script: string, args: readonly string[] = []): ScriptProcess {
    const command = ['netns', 'exec', this.names[host], process.execPath, script, ...args];
    // `ip netns exec` turns into the command, so a signal to this child reaches the script.
    const child = new ScriptProcess(spawn('ip', command, { stdio: ['pipe', 'pipe', 'pipe'] }), script);
    this.#children.add(child);
    return child;
  }

  /**
   * All packets to and from this TCP port of the server vanish, in both hosts. On the input hook: a packet dropped on
   * its way out is a local error to TCP, which then does not behave as on a lossy network.
   */
  async blackhole(port: number): Promise<void> {
    const rules = [
      'table inet blackhole {',
      'chain in {',
      'type filter hook input priority -10; policy accept;',
      `tcp dport ${port} drop`,
      `tcp sport ${port} drop`,
      '}',
      '}',
      '',
    ].join('\n');
    for (const host of hosts) await this.#inside(host, ['nft', '-f', '-'], rules);
  }

  /** Ends the blackhole. TCP notices at its next retransmission, which may be seconds away. */
  async heal(): Promise<void> {
    for (const host of hosts) await this.#inside(host, ['nft', 'delete', 'table', 'inet', 'blackhole']);
  }

  /** Pulls the cable out of a host, or plugs it in again. Unlike a blackhole, the host hears of it. */
  async setCable(host: Host, state: 'up' | 'down'): Promise<void> {
    await run(['ip', '-n', this.names[host], 'link', 'set', 'cable', state]);
  }

  /** What the kernel calls a host, for those who start something there themselves. */
  nameOf(host: Host): string {
    return this.names[host];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
    // The cable goes with its ends. A host that was never made is nothing to complain of.
    for (const host of hosts) await run(['ip', 'netns', 'delete', this.names[host]]).catch(() => undefined);
  }

  async #build(): Promise<void> {
    for (const host of hosts) await run(['ip', 'netns', 'add', this.names[host]]);
    const { server, client } = this.names;
    // Both ends are made inside the hosts, so their names meet no interface of this machine.
    await run(['ip', '-n', server, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', client]);
    for (const host of hosts) {
      await run(['ip', '-n', this.names[host], 'address', 'add', `${addresses[host]}/24`, 'dev', 'cable']);
      await run(['ip', '-n', this.names[host], 'link', 'set', 'cable', 'up']);
      await run(['ip', '-n', this.names[host], 'link', 'set', 'lo', 'up']);
    }
  }

  #inside(host: Host, command: readonly string[], input = ''): Promise<void> {
    return run(['ip', 'netns', 'exec', this.names[host], ...command], input);
  }
}

/** Runs a command to its end; throws with what it complained of. */
async function run(command: readonly string[], input = ''): Promise<void> {
  const [program = '', ...args] = command;
  await new Promise<void>((resolve, reject) => {
    const child = execFile(program, args, (error, _stdout, stderr) => {
      if (error) reject(new Error(`${command.join(' ')}: ${stderr.trim()}`, { cause: error }));
      else resolve();
    });
    child.stdin?.on('error', () => undefined).end(input);
  });
}
