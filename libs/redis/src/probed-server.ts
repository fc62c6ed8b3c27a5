import type { Clock } from '@holdfast/backplane';
import type { Argument } from './link.js';
import type { PubSub } from './pub-sub.js';
import type { ServerLink, ServerListener } from './server-link.js';
import { SubscriptionProbe } from './subscription-probe.js';

export interface ProbedServerParts {
  readonly link: ServerLink;
  readonly pubSub: PubSub;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** The server could not be asked: it is away, stands still or does not serve the channel any more. */
  readonly failed: () => void;
}

/** One server, and whether its subscriptions bring anything. */
export class ProbedServer {
  readonly #probe: SubscriptionProbe;
  #channel: string | undefined;

  constructor(private readonly parts: ProbedServerParts) {
    const { link, pubSub, clock, deadlineMs, failed } = parts;
    this.#probe = new SubscriptionProbe({
      clock,
      publish: async () => {
        try {
          await link.command(pubSub.publish, [this.#channel ?? '', ''], deadlineMs);
        } catch (error) {
          failed();
          throw error;
        }
      },
      dead: () => link.reconnect(),
    });
  }

  /** @throws LinkError */
  open(listener: ServerListener): Promise<void> {
    const message = (channel: string, payload: Uint8Array): void => {
      this.#probe.heard();
      if (channel !== this.#channel) listener.message(channel, payload);
    };
    return this.parts.link.open({ ...listener, message }, this.parts.deadlineMs);
  }

  /**
   * Tries the subscriptions by this channel from now on, which the server serves and nobody else uses.
   *
   * @throws LinkError
   */
  async probeBy(channel: string): Promise<void> {
    const old = this.#channel;
    if (old === channel) return;
    this.#probe.stop();
    this.#channel = channel;
    if (old !== undefined) this.parts.link.unsubscribe([old]);
    try {
      await this.parts.link.subscribe([channel], this.parts.deadlineMs);
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
    this.#probe.start();
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    return this.parts.link.command(name, args, deadlineMs);
  }

  subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    return this.parts.link.subscribe(channels, deadlineMs);
  }

  unsubscribe(channels: readonly string[]): void {
    this.parts.link.unsubscribe(channels);
  }

  async close(): Promise<void> {
    this.#channel = undefined;
    this.#probe.stop();
    await this.parts.link.close();
  }
}
