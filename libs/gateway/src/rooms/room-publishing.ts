import { type Envelope, parsePublish, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Link } from '../connection/index.js';
import type { Message, ReceivesFrames } from '../dispatch/index.js';
import { HoldfastException } from '../errors/index.js';
import { routeOfLink } from '../gateways/index.js';
import type { RoomLimits } from './room-limits.js';
import { RoomNames } from './room-name.js';

/** Takes what SDK clients publish to rooms to the method that is there for it (PROTOCOL.md 17.11). */
@GatewayFeature()
export class RoomPublishing implements ReceivesFrames {
  readonly #names: RoomNames;

  readonly reservedMessages = {
    [ReservedEvent.publish]: (link: Link, { data, id, trace }: Envelope, frame: string | Buffer): Message => {
      const parsed = parsePublish(data);
      if (!parsed.ok) throw new HoldfastException('MALFORMED_FRAME', parsed.error.message);
      const { room, event, data: given } = parsed.value;
      this.#names.check(room);
      const found = routeOfLink(link)?.publishing.match(`/${room}`);
      if (!found) throw new HoldfastException('FORBIDDEN', 'Clients may not publish to this room');
      const message = { ...found.params, room, event, data: given };
      return { plan: found.value, data: message, id, trace, frame, wire: undefined };
    },
  };

  constructor(limits: RoomLimits) {
    this.#names = new RoomNames(limits);
  }
}
