import { type Joined, type Position, roomKindOf } from '@holdfast/backplane';
import { checkFrame, show, type SimRoom, Violation } from './check-stream.js';
import type { SimConnection, SimReceiver } from './sim-connection.js';
import type { SimFrame } from './sim-frame.js';
import { textOf } from './truth.js';

/**
 * A model of the SDK. It has one state per room, even while it has two connections, and resumes from the position of
 * the last publication that it has delivered to its application.
 */
export class SimClient implements SimReceiver {
  readonly name: string;
  /** Rooms that it is to be a member of. */
  readonly wanted = new Set<SimRoom>();
  /** The newest connection last. There are two only while the client moves to another node. */
  readonly connections: SimConnection[] = [];
  readonly #positions = new Map<string, Position>();
  /** The connection whose frames are applied, per room: the newest one that has joined the room. */
  readonly #sources = new Map<string, SimConnection>();
  readonly #delivered = new Map<string, Set<string>>();
  /** Number of publications that were delivered to the application. */
  delivered = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The position that it presents when it connects. */
  positionIn(room: SimRoom): Position | null {
    return this.#positions.get(room.name) ?? null;
  }

  /** Ends all connections. The positions are kept. */
  disconnect(noticeMs: number): void {
    for (const connection of this.connections.splice(0)) connection.cut(noticeMs);
    this.#sources.clear();
  }

  /** Deletes the position in a room that it has left. */
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
   * Whether the client has to join again from its own position. This connection was at another position, because the
   * client has got publications by its other connection; and the room continues in another epoch or with a gap. What
   * that means for the client's own position is not known from this answer.
   */
  #isOutdated(room: SimRoom, at: Position | null, { recovered, position }: Joined): boolean {
    const own = this.positionIn(room);
    if (!own || !at || show(own) === show(at)) return false;
    return !recovered || position?.epoch !== own.epoch;
  }

  #joined(connection: SimConnection, { name }: SimRoom): void {
    connection.hasJoined.add(name);
    const source = this.#sources.get(name);
    // While the client moves, the newer connection delivers everything, and the older one may still be in an earlier
    // epoch.
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
    // The other connection has delivered more already.
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
    // Without positions, repeats from two connections cannot be detected.
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
