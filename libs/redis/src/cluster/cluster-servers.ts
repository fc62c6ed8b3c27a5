import type { Clock, TimerHandle } from '@holdfast/backplane';
import { LinkError } from '../link.js';
import { retryDelayMs } from '../link-timing.js';
import { ProbedServer } from '../probed-server.js';
import type { PubSub } from '../pub-sub.js';
import type { ClusterSource } from './cluster-source.js';
import { pause } from './pause.js';
import { SlotMap } from './slot-map.js';

/** Milliseconds to find out which servers there are, when nobody waits for it. */
const lookMs = 5_000;
/** Milliseconds after which the cluster is asked again while a server cannot be reached. */
const againMs = 500;

export interface ClusterServersParts {
  readonly source: ClusterSource;
  readonly pubSub: PubSub;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly probeChannel: (tag: string) => string;
  message(channel: string, payload: Uint8Array): void;
  /** Messages of this server may be lost from now on. */
  down(address: string, cause: Error): void;
  /** All subscriptions to this server hold again. */
  up(address: string): void;
  /** This server has ended subscriptions, as their slots are not its own any more. */
  moved(address: string): void;
  /** A slot has another master, or a server can be reached. */
  changed(): void;
}

interface Known {
  readonly server: ProbedServer;
  isOpen: boolean;
  /** Its subscriptions are lost: another master may take over. */
  isDown: boolean;
  /** It has no slot yet: one is moving there. */
  readonly isAsked: boolean;
}

/** The masters of a cluster, and which slots they serve. */
export class ClusterServers {
  readonly #known = new Map<string, Known>();
  readonly #slots: SlotMap;
  #later: TimerHandle;
  #isStale = false;
  #isRefreshing = false;
  #isClosed = false;

  constructor(private readonly parts: ClusterServersParts) {
    this.#slots = new SlotMap(parts.clock);
  }

  get all(): readonly ProbedServer[] {
    return [...this.#known.values()].map(({ server }) => server);
  }

  /** Connects to all of them. @throws LinkError */
  async open(): Promise<void> {
    await Promise.all(await this.#look(this.parts.deadlineMs));
  }

  addressOf(told: string): string {
    return this.parts.source.addressOf(told);
  }

  masterOf(slot: number): string | undefined {
    return this.#slots.masterOf(slot);
  }

  /** The server with this address, if it is connected. */
  at(address: string | undefined): ProbedServer | undefined {
    const known = address === undefined ? undefined : this.#known.get(address);
    return known?.isOpen === true ? known.server : undefined;
  }

  /**
   * The master of a slot, or the one that the slot moves to. Waits for a server that was just found.
   *
   * @throws LinkError
   */
  async reach(slot: number, asked: string | undefined, deadlineAt: number): Promise<ProbedServer> {
    const { clock } = this.parts;
    for (;;) {
      const address = asked ?? this.masterOf(slot);
      const server = this.at(address);
      if (server) return server;
      if (address === undefined) throw new LinkError('reply', false, `CLUSTERDOWN slot ${slot} has no master`);
      if (asked !== undefined) this.#reachable(asked, true);
      if (this.#isClosed || !this.#known.has(address) || clock.now() >= deadlineAt) {
        throw new LinkError('away', false, `Redis cannot be reached at ${address}`);
      }
      await pause(clock);
    }
  }

  /** A server has told that the slot has this master. */
  moved(slot: number, address: string): void {
    this.#slots.moved(slot, address);
    this.#reachable(address, false);
    this.parts.changed();
  }

  /** Finds out in the background which servers there are by now. */
  refresh(): void {
    this.#isStale = true;
    if (this.#isRefreshing || this.#isClosed) return;
    this.#isRefreshing = true;
    void this.#refresh();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.parts.clock.cancel(this.#later);
    const servers = this.all;
    this.#known.clear();
    await Promise.all(servers.map((server) => server.close()));
  }

  async #refresh(): Promise<void> {
    for (let attempt = 0; this.#isStale && !this.#isClosed; attempt++) {
      this.#isStale = false;
      const opening = await this.#look(lookMs).catch(() => undefined);
      if (!opening) this.#isStale = true;
      // Each has its own attempts.
      for (const opened of opening ?? []) opened.catch(() => undefined);
      // Many calls are refused while a slot moves: it is not asked for each of them.
      await pause(this.parts.clock, retryDelayMs(attempt));
    }
    this.#isRefreshing = false;
    if ([...this.#known.values()].some(({ isDown }) => isDown)) this.#refreshLater();
  }

  /** It takes some time until a server that is away is replaced, or back. */
  #refreshLater(): void {
    this.parts.clock.cancel(this.#later);
    this.#later = this.parts.clock.schedule(() => this.refresh(), againMs);
  }

  /** @returns for each server that is new: when it is connected */
  async #look(deadlineMs: number): Promise<Promise<void>[]> {
    const masters = await this.#masters(deadlineMs);
    if (this.#isClosed) return [];
    this.#slots.replace(masters);
    const { addresses } = this.#slots;
    for (const [address, { server, isAsked }] of this.#known) {
      if (!addresses.has(address) && !isAsked) this.#forget(address, server);
    }
    const opening: Promise<void>[] = [];
    for (const address of addresses) {
      if (this.#known.has(address)) this.#probe(address);
      else opening.push(this.#add(address, false));
    }
    this.parts.changed();
    return opening;
  }

  /** Asks the servers that are known, then those of the application, which may have other addresses by now. */
  async #masters(deadlineMs: number): Promise<readonly (string | undefined)[]> {
    const { source, clock } = this.parts;
    const deadlineAt = clock.now() + deadlineMs;
    const known = [...this.#slots.addresses];
    if (known.length > 0) {
      const masters = await source.masters(known, deadlineMs / 2).catch(() => undefined);
      if (masters) return masters;
    }
    return await source.masters([], deadlineAt - clock.now());
  }

  /** Who needs the server waits for it, and it is tried again. */
  #reachable(address: string, isAsked: boolean): void {
    if (!this.#known.has(address) && !this.#isClosed) this.#add(address, isAsked).catch(() => undefined);
  }

  async #add(address: string, isAsked: boolean): Promise<void> {
    const { parts } = this;
    const { source, pubSub, clock, deadlineMs } = parts;
    const refresh = (): void => this.refresh();
    // A master that stands still may have been replaced.
    const server = new ProbedServer({ link: source.connect(address), pubSub, clock, deadlineMs, failed: refresh });
    const known: Known = { server, isOpen: false, isDown: false, isAsked };
    this.#known.set(address, known);
    try {
      await server.open({
        message: (channel, payload) => parts.message(channel, payload),
        down: (cause) => {
          known.isDown = true;
          parts.down(address, cause);
          refresh();
        },
        up: () => {
          known.isDown = false;
          parts.up(address);
        },
        moved: () => {
          parts.moved(address);
          refresh();
        },
      });
      known.isOpen = true;
    } catch (error) {
      this.#forget(address, server);
      this.#refreshLater();
      throw error;
    }
    this.#probe(address);
    parts.changed();
  }

  /** Tries the subscriptions to a server by a channel of one of its slots. */
  #probe(address: string): void {
    const server = this.at(address);
    const tag = this.#slots.tagOf(address);
    if (server && tag !== undefined) server.probeBy(this.parts.probeChannel(tag)).catch(() => this.refresh());
  }

  #forget(address: string, server: ProbedServer): void {
    this.parts.down(address, new LinkError('away', false, `${address} serves no slot any more, or cannot be reached`));
    if (this.#known.get(address)?.server === server) this.#known.delete(address);
    void server.close();
  }
}
