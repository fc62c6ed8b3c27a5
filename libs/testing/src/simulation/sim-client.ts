import { type Joined, type Position, roomKindOf } from '@holdfast/backplane';
import { checkFrame, show, type SimRoom, Violation } from './check-stream.js';
import type { SimConnection, SimReceiver } from './sim-connection.js';
import type { SimFrame } from './sim-frame.js';
import { textOf } from './truth.js';

/**
 * A client as an SDK has to be: one state per room, whatever the connections; it presents the position that it has
 * delivered to its application.
 */
export class SimClient implements SimReceiver {
  readonly name: string;
  /** Rooms that it wants to be in. */
  readonly wanted = new Set<SimRoom>();
  /** The newest last. Two only while it moves to another node. */
  readonly connections: SimConnection[] = [];
  readonly #positions = new Map<string, Position>();
  /** The connection whose stream counts: the newest one that has joined the room. */
  readonly #sources = new Map<string, SimConnection>();
  readonly #delivered = new Map<string, Set<string>>();
  /** Publications that its application got. */
  delivered = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** What it presents when it comes back. */
  positionIn(room: SimRoom): Position | null {
    return this.#positions.get(room.name) ?? null;
  }

  /** The connections have ended; what it has delivered it remembers. */
  disconnect(noticeMs: number): void {
    for (const connection of this.connections.splice(0)) connection.cut(noticeMs);
    this.#sources.clear();
  }

  /** It has left: when it joins again, it begins anew. */
  forget(room: SimRoom): void {
    this.#positions.delete(room.name);
    this.#sources.delete(room.name);
    this.#delivered.delete(room.name);
  }

  received(connection: SimConnection, frame: SimFrame): void {
    const room = [...this.wanted].find(({ name }) => name === frame.room);
    if (!room || !this.connections.includes(connection)) return;
    const { told } = connection;
    const at = told.get(room.name) ?? null;
    if (frame.kind !== 'joined' && !connection.hasJoined.has(room.name)) throw new Violation('a frame before `joined`');
    told.set(room.name, checkFrame(room, at, frame));
    if (frame.kind === 'joined') {
      if (this.#isOutdated(room, at, frame.joined)) {
        connection.leave(room.name);
        connection.join(room.name, this.positionIn(room));
        return;
      }
      this.#joined(connection, room);
    }
    if (this.#sources.get(room.name) === connection) this.#apply(connection, room, frame);
  }

  /**
   * Another connection has brought it further than this one was, and the room goes on in another log or with a gap: that
   * answers a question about where this connection was, so it asks again with what it has.
   */
  #isOutdated(room: SimRoom, at: Position | null, { recovered, position }: Joined): boolean {
    const own = this.positionIn(room);
    if (!own || !at || show(own) === show(at)) return false;
    return !recovered || position?.epoch !== own.epoch;
  }

  #joined(connection: SimConnection, { name }: SimRoom): void {
    connection.hasJoined.add(name);
    const source = this.#sources.get(name);
    // While it moves, the stream of the newer connection has everything, and that of the older one may be of the past.
    if (source && this.connections.indexOf(connection) < this.connections.indexOf(source)) return;
    this.#sources.set(name, connection);
  }

  #apply(connection: SimConnection, room: SimRoom, frame: SimFrame): void {
    if (frame.kind === 'publication') {
      this.#publication(connection, room, frame.publication, textOf(frame.publication.item));
      return;
    }
    const position = frame.kind === 'joined' ? frame.joined.position : frame.position;
    if (!position) return;
    const own = this.#positions.get(room.name);
    // It is further already, by the connection it comes from.
    const goesOn = frame.kind === 'skipped' || frame.joined.recovered;
    if (goesOn && own?.epoch === position.epoch && position.offset <= own.offset) return;
    this.#positions.set(room.name, position);
  }

  #publication(connection: SimConnection, room: SimRoom, position: Position, text: string): void {
    const isNumbered = roomKindOf(room.policy.history) !== 'ephemeral';
    const own = this.#positions.get(room.name);
    if (isNumbered && own?.epoch === position.epoch && position.offset <= own.offset) return;
    if (isNumbered) {
      const { epoch, offset } = position;
      const isHole = own?.epoch !== epoch || (room.policy.history.size !== 1 && offset !== own.offset + 1);
      if (isHole) throw new Violation(`${this.name} in ${room.name} has ${show(own)} and gets ${show(position)}`);
      this.#positions.set(room.name, { epoch, offset });
    }
    // Without positions, what two connections bring while it moves cannot be told apart.
    const delivered = isNumbered ? this.#deliveredIn(room) : connection.unnumbered;
    if (delivered.has(text) && room.policy.history.size !== 1) throw new Violation(`${text} twice for ${this.name}`);
    delivered.add(text);
    this.delivered++;
  }

  #deliveredIn({ name }: SimRoom): Set<string> {
    let delivered = this.#delivered.get(name);
    if (!delivered) this.#delivered.set(name, (delivered = new Set()));
    return delivered;
  }
}
