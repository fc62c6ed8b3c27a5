import type { Clock } from '@holdfast/backplane';
import { type Argument, LinkError, type LinkSetup, type RedisLink } from '../link.js';
import { shardedPubSub } from '../pub-sub.js';
import { slotOfKey } from '../slots.js';
import { ClusterChannels } from './cluster-channels.js';
import { ClusterServers } from './cluster-servers.js';
import type { ClusterSource } from './cluster-source.js';
import { pause, pauseMs } from './pause.js';
import { redirectOf } from './redirect.js';

/** Where a link that is open leads. */
interface Open {
  readonly clock: Clock;
  readonly servers: ClusterServers;
  readonly channels: ClusterChannels;
}

/**
 * The masters of a cluster. Each command goes to the master of its slot, and is sent again where that one has refused
 * it: the slot is moving, or has another master by now.
 */
export class ClusterLink implements RedisLink {
  readonly pubSub = shardedPubSub;
  readonly #source: ClusterSource;
  #opened: Open | undefined;

  constructor(source: ClusterSource) {
    this.#source = source;
  }

  async open({ listener, deadlineMs, clock, probeChannel }: LinkSetup): Promise<void> {
    const servers: ClusterServers = new ClusterServers({
      ...{ source: this.#source, pubSub: this.pubSub, clock, deadlineMs, probeChannel },
      message: (channel, payload) => listener.message(channel, payload),
      down: (address, cause) => channels.down(address, cause),
      up: (address) => channels.up(address),
      moved: (address) => channels.check(address),
      changed: () => channels.settle(),
    });
    const channels = new ClusterChannels({ servers, listener, clock, deadlineMs });
    this.#opened = { clock, servers, channels };
    await servers.open();
  }

  async command(key: string, name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    const { clock, servers } = this.#open();
    const deadlineAt = clock.now() + deadlineMs;
    const slot = slotOfKey(key);
    let asked: string | undefined;
    for (;;) {
      try {
        return await this.#send(slot, asked, name, args, deadlineAt);
      } catch (error) {
        const redirect = redirectOf(error);
        // The master may have been replaced: a command that is lost does not say so.
        if (redirect?.kind !== 'ask') servers.refresh();
        if (!redirect || clock.now() + pauseMs >= deadlineAt) throw error;
        asked = redirect.kind === 'ask' ? servers.addressOf(redirect.address) : undefined;
        if (redirect.kind === 'moved') servers.moved(slot, servers.addressOf(redirect.address));
        if (redirect.kind !== 'ask') await pause(clock);
      }
    }
  }

  async infos(deadlineMs: number): Promise<readonly string[]> {
    const infos = this.#open().servers.all.map((server) => server.command('INFO', [], deadlineMs));
    return (await Promise.all(infos)).map(String);
  }

  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    await this.#open().channels.subscribe(channels, deadlineMs);
  }

  unsubscribe(channels: readonly string[]): void {
    this.#opened?.channels.unsubscribe(channels);
  }

  async close(): Promise<void> {
    await this.#opened?.servers.close();
  }

  /** @param asked - the server that a slot moves to, where its old master has referred to it */
  async #send(
    slot: number,
    asked: string | undefined,
    name: string,
    args: readonly Argument[],
    deadlineAt: number,
  ): Promise<unknown> {
    const { clock, servers } = this.#open();
    const server = await servers.reach(slot, asked, deadlineAt);
    const leftMs = Math.max(0, deadlineAt - clock.now());
    // It holds for the next command of the connection: nothing may come between.
    if (asked !== undefined) server.command('ASKING', [], leftMs).catch(() => undefined);
    return await server.command(name, args, leftMs);
  }

  #open(): Open {
    if (this.#opened) return this.#opened;
    throw new LinkError('away', false, 'The link is not open');
  }
}
