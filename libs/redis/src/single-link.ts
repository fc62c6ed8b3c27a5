import type { Argument, LinkSetup, RedisLink } from './link.js';
import { ProbedServer } from './probed-server.js';
import { plainPubSub } from './pub-sub.js';
import type { ServerLink } from './server-link.js';

/** All keys and channels on one server, or on the one that Sentinel calls the primary. */
export class SingleLink implements RedisLink {
  readonly pubSub = plainPubSub;
  readonly #link: ServerLink;
  #server: ProbedServer | undefined;

  constructor(link: ServerLink) {
    this.#link = link;
  }

  async open({ listener, probeChannel, clock, deadlineMs }: LinkSetup): Promise<void> {
    // There is no other server to look for; Sentinel tells by itself.
    const failed = (): void => undefined;
    this.#server = new ProbedServer({ link: this.#link, pubSub: this.pubSub, clock, deadlineMs, failed });
    await this.#server.open({
      message: (channel, payload) => listener.message(channel, payload),
      down: (cause) => listener.down('all', cause),
      up: () => listener.up('all'),
      // Where there are no slots none is moved.
      moved: () => undefined,
    });
    await this.#server.probeBy(probeChannel(''));
  }

  command(_key: string, name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    return this.#link.command(name, args, deadlineMs);
  }

  async infos(deadlineMs: number): Promise<readonly string[]> {
    return [String(await this.#link.command('INFO', [], deadlineMs))];
  }

  subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    return this.#link.subscribe(channels, deadlineMs);
  }

  unsubscribe(channels: readonly string[]): void {
    this.#link.unsubscribe(channels);
  }

  async close(): Promise<void> {
    await (this.#server ?? this.#link).close();
  }
}
