import { type DrainData, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Link, LinkField, type LinkObserver } from '../connection/index.js';
import type { ReservedFrame } from '../dispatch/index.js';

interface Handover {
  hasMoved: boolean;
  readonly over: () => void;
}

/** Clients that are asked to open their next connection, on another node, before this one ends (PROTOCOL.md 10.8). */
@GatewayFeature()
export class Handovers implements LinkObserver {
  readonly #handover = new LinkField<Handover>('handover');

  readonly reservedFrames: Readonly<Record<string, ReservedFrame>> = {
    [ReservedEvent.moved]: (reply, _data, id) => {
      const handover = this.#handover.get(reply.link);
      if (!handover) {
        reply.violate('RESERVED_EVENT', 'This connection was not asked to move', id);
        return;
      }
      handover.hasMoved = true;
      handover.over();
    },
  };

  /** Asks the client of a link. Resolves when it has moved, or its connection has ended. */
  ask(link: Link, data: DrainData): Promise<void> {
    return new Promise((over) => {
      if (link.state === 'closed') {
        over();
        return;
      }
      this.#handover.set(link, { hasMoved: false, over });
      link.send({ event: ReservedEvent.drain, data }, 'control');
    });
  }

  /** Whether the client was asked. */
  isAsked(link: Link): boolean {
    return this.#handover.get(link) !== undefined;
  }

  /** Whether the client has said that it has another connection now. */
  hasMoved(link: Link): boolean {
    return this.#handover.get(link)?.hasMoved === true;
  }

  ended(link: Link): void {
    this.#handover.get(link)?.over();
  }
}
