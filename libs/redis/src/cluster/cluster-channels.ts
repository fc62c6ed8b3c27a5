import type { Clock } from '@holdfast/backplane';
import { LinkError, type LinkListener } from '../link.js';
import { bySlot } from '../pub-sub.js';
import { slotOfKey } from '../slots.js';
import type { ClusterServers } from './cluster-servers.js';
import { pause } from './pause.js';
import { redirectOf } from './redirect.js';

export interface ClusterChannelsParts {
  readonly servers: ClusterServers;
  readonly listener: LinkListener;
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** Where a channel is subscribed. */
interface Home {
  readonly slot: number;
  /** Undefined: nowhere yet, or not any more. */
  address: string | undefined;
  /** It was told that messages may be lost, and not yet that it is over. */
  isDown: boolean;
}

/** The channels that are subscribed, each at the master of its slot. They follow their slots. */
export class ClusterChannels {
  readonly #homes = new Map<string, Home>();
  /** Slots whose channels are on their way. */
  readonly #settling = new Set<number>();

  constructor(private readonly parts: ClusterChannelsParts) {}

  /** @throws LinkError */
  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    const deadlineAt = this.parts.clock.now() + deadlineMs;
    for (const channel of channels) {
      if (!this.#homes.has(channel))
        this.#homes.set(channel, { slot: slotOfKey(channel), address: undefined, isDown: false });
    }
    try {
      await Promise.all([...bySlot(channels)].map(([slot, some]) => this.#subscribe(slot, some, deadlineAt)));
    } catch (error) {
      this.unsubscribe(channels);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    this.#end(channels);
    for (const channel of channels) this.#homes.delete(channel);
  }

  down(address: string, cause: Error): void {
    this.#tellDown(this.#of(address), cause);
  }

  up(address: string): void {
    this.#tellUp(this.#of(address));
  }

  /** Finds out which channels a server does not deliver to any more, after it has ended some. */
  check(address: string): void {
    for (const [slot, channels] of bySlot(this.#of(address))) {
      // Where it still delivers nothing changes.
      this.parts.servers
        .at(address)
        ?.subscribe(channels, this.parts.deadlineMs)
        .catch((error: unknown) => {
          const redirect = redirectOf(error);
          this.#leave(channels);
          if (redirect?.kind === 'moved')
            this.parts.servers.moved(slot, this.parts.servers.addressOf(redirect.address));
          this.parts.servers.refresh();
        });
    }
  }

  /** Moves the channels to the masters that their slots have by now. */
  settle(): void {
    const { servers } = this.parts;
    const strays = new Map<number, string[]>();
    for (const [channel, { slot, address }] of this.#homes) {
      if (address === servers.masterOf(slot) || this.#settling.has(slot)) continue;
      const others = strays.get(slot);
      if (others) others.push(channel);
      else strays.set(slot, [channel]);
    }
    for (const [slot, strayed] of strays) {
      this.#leave(strayed);
      this.#settling.add(slot);
      this.#move(slot, strayed)
        .catch(() => servers.refresh())
        .finally(() => this.#settling.delete(slot));
    }
  }

  async #subscribe(slot: number, channels: readonly string[], deadlineAt: number): Promise<void> {
    const { servers, clock } = this.parts;
    for (;;) {
      const leftMs = deadlineAt - clock.now();
      if (leftMs <= 0) throw new LinkError('late', true, 'The master of a channel could not be found in time');
      try {
        const server = await servers.reach(slot, undefined, deadlineAt);
        const master = servers.masterOf(slot);
        await server.subscribe(channels, leftMs);
        this.#arrived(master, channels);
        // Meanwhile the slot may have moved on.
        if (servers.masterOf(slot) === master) return;
      } catch (error) {
        servers.refresh();
        if (!redirectOf(error)) throw error;
        await pause(clock);
      }
    }
  }

  async #move(slot: number, channels: readonly string[]): Promise<void> {
    const { servers, deadlineMs } = this.parts;
    const master = servers.masterOf(slot);
    // When it can be reached the channels are settled again.
    const server = servers.at(master);
    if (!server) return;
    await server.subscribe(channels, deadlineMs);
    this.#arrived(master, channels);
    if (servers.masterOf(slot) !== master) servers.refresh();
  }

  /** Their server delivers nothing to them any more. */
  #leave(channels: readonly string[]): void {
    const moved = channels.filter((channel) => this.#homes.get(channel)?.address !== undefined);
    this.#tellDown(moved, new LinkError('away', false, 'The slot has another master, or none'));
    this.#end(moved);
    for (const channel of moved) {
      const home = this.#homes.get(channel);
      if (home) home.address = undefined;
    }
  }

  #end(channels: readonly string[]): void {
    const homes = new Map<string, string[]>();
    for (const channel of channels) {
      const address = this.#homes.get(channel)?.address;
      if (address !== undefined) homes.set(address, [...(homes.get(address) ?? []), channel]);
    }
    for (const [address, some] of homes) this.parts.servers.at(address)?.unsubscribe(some);
  }

  #arrived(master: string | undefined, channels: readonly string[]): void {
    const unwanted = channels.filter((channel) => !this.#homes.has(channel));
    if (unwanted.length > 0) this.parts.servers.at(master)?.unsubscribe(unwanted);
    for (const channel of channels) {
      const home = this.#homes.get(channel);
      if (home) home.address = master;
    }
    this.#tellUp(channels);
  }

  #tellDown(channels: readonly string[], cause: Error): void {
    const told = channels.filter((channel) => this.#homes.get(channel)?.isDown === false);
    for (const channel of told) this.#set(channel, true);
    if (told.length > 0) this.parts.listener.down(told, cause);
  }

  #tellUp(channels: readonly string[]): void {
    const told = channels.filter((channel) => this.#homes.get(channel)?.isDown === true);
    for (const channel of told) this.#set(channel, false);
    if (told.length > 0) this.parts.listener.up(told);
  }

  #set(channel: string, isDown: boolean): void {
    const home = this.#homes.get(channel);
    if (home) home.isDown = isDown;
  }

  #of(address: string): string[] {
    return [...this.#homes].filter(([, home]) => home.address === address).map(([channel]) => channel);
  }
}
