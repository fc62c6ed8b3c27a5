import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBackplane } from '@holdfast/backplane';
import { ConnectionRegistry } from '@holdfast/gateway';
import { ManualClock, MemoryEngine, seededRandom, type TestClient, type TestFrame } from '@holdfast/testing';
import { expect } from 'vitest';
import { sessionOf, startSessions, type SessionsApp } from '../support/sessions.js';
import { tokenOf } from '../support/tokens.js';
import { historySize, ReferenceClient, ReferenceRoom, ReferenceSession, resumableMs, type Told } from './reference.js';

const kinds = ['log', 'chat', 'plain'];
const owners = ['ada', 'ben', ''];

export type Action = 'connect' | 'cut' | 'bye' | 'enter' | 'exit' | 'join' | 'publish' | 'forbid' | 'wait' | 'fork';

/** One step; the numbers, from 0 to 11, choose whom, where and how much. */
export interface Step {
  readonly action: Action;
  readonly who: number;
  readonly where: number;
  readonly how: number;
}

/** Makes the check fail, to show that it can. */
export type Sabotage = 'forget' | 'lose';

/** Two nodes that share an engine, with time that the test moves. They serve many runs, each in rooms of its own. */
export class SessionWorld implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly engine = new MemoryEngine({ clock: this.clock, random: seededRandom(1) });
  runs = 0;
  /** How often clients were told what. */
  readonly tally = new Map<string, number>();

  private constructor(
    readonly nodes: SessionsApp[],
    readonly tokens: readonly string[],
  ) {}

  static async start(): Promise<SessionWorld> {
    const tokens = await Promise.all(owners.map(async (owner) => (owner === '' ? '' : await tokenOf(owner))));
    const world = new SessionWorld([], tokens);
    for (let node = 0; node < 2; node++) {
      const options = {
        backplane: new MemoryBackplane(world.engine.broker),
        rooms: ['log/:id', 'chat/:id'].map((pattern) => ({
          pattern,
          history: { size: historySize, ttlMs: 1_000_000_000 },
        })),
        heartbeat: { intervalMs: 0 },
        admission: { handshakeRate: { limit: Infinity, windowMs: 1_000 } },
      };
      world.nodes.push(await startSessions(options, { clock: world.clock }));
    }
    return world;
  }

  /** @throws what the clients were told differs from the reference. */
  async run(steps: readonly Step[], sabotage?: Sabotage): Promise<void> {
    await using run = await SessionRun.begin(this, sabotage);
    for (const step of steps) await run.take(step);
  }

  count(name: string): void {
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}

class SessionRun implements AsyncDisposable {
  readonly #clients = owners.map((owner) => new ReferenceClient(owner));
  readonly #connections = new Map<ReferenceClient, { readonly client: TestClient; readonly node: SessionsApp }>();
  readonly #sessions = new Map<string, ReferenceSession>();
  #said = 0;

  private constructor(
    private readonly world: SessionWorld,
    private readonly rooms: readonly ReferenceRoom[],
    private readonly sabotage: Sabotage | undefined,
  ) {}

  static async begin(world: SessionWorld, sabotage: Sabotage | undefined): Promise<SessionRun> {
    const run = ++world.runs;
    const rooms: ReferenceRoom[] = [];
    for (const kind of kinds) {
      const name = `${kind}/${run}`;
      rooms.push(new ReferenceRoom(name, (await world.nodes[0]?.rooms.position(name))?.epoch ?? ''));
    }
    return new SessionRun(world, rooms, sabotage);
  }

  async take({ action, who, where, how }: Step): Promise<void> {
    const client = pick(this.#clients, who);
    const room = pick(this.rooms, where);
    const guarded = pick(this.rooms, 1);
    const actions: Record<Action, () => Promise<void> | void> = {
      connect: () => this.#connect(client, where, how),
      cut: () => this.#cut(client),
      bye: () => this.#bye(client),
      enter: () => this.#ask(client, 'enter', room, () => client.enter(room)),
      exit: () => this.#ask(client, 'exit', room, () => client.leave(room)),
      join: () => this.#join(client, guarded),
      publish: () => this.#publish(room, who, how),
      forbid: () => this.#forbid(guarded),
      wait: () => this.world.pass(how * 15_000),
      fork: () => this.#fork(room, how),
    };
    await actions[action]();
    for (const each of this.#clients) await this.#compare(each);
  }

  async #connect(client: ReferenceClient, where: number, how: number): Promise<void> {
    const presents = pick(['own', 'own', 'none', 'foreign'] as const, where);
    const old = this.#connections.get(client);
    if (presents !== 'own') await this.#cut(client);
    if (how % 4 === 0) client.positions.clear();
    const foreign = this.#clients.find((other) => other !== client && other.session)?.session;
    const session = presents === 'own' ? client.session : presents === 'foreign' ? foreign : undefined;
    const positions = [...client.positions].map(([{ name }, position]) => ({ room: name, ...position }));
    const token = this.world.tokens[owners.indexOf(client.owner)];
    const node = pick(this.world.nodes, how);
    const hello = { session: session?.id ?? null, positions };
    const connected = await node.connect(hello, { timeoutMs: 1_000, ...(token && { token }) });
    if (old && presents === 'own') {
      expect(await old.client.closed).toMatchObject({ code: 4409 });
      client.disconnected();
    }
    this.#connections.set(client, { client: connected, node });
    const { id, resumed } = sessionOf(connected);
    const isKnown = session !== undefined && session.owner === client.owner && this.#isAlive(session);
    expect({ resumed, isSame: id === session?.id }).toEqual({ resumed: isKnown, isSame: isKnown });
    this.world.count(isKnown ? 'resumed' : 'new');
    if (old && isKnown) this.world.count('taken');
    const presented = new Map(client.positions);
    const next = isKnown ? session : new ReferenceSession(id, client.owner);
    this.#sessions.set(id, next);
    if (this.sabotage === 'forget') next.rooms.clear();
    client.returned(next, presented);
  }

  #isAlive({ id, releasedAt }: ReferenceSession): boolean {
    return this.#sessions.has(id) && (releasedAt ?? Infinity) + resumableMs > this.world.clock.now();
  }

  /** The connection breaks, and its node notices. */
  async #cut(client: ReferenceClient): Promise<void> {
    const connection = this.#connections.get(client);
    if (!connection) return;
    await this.#end(client, connection, () => connection.client.terminate());
    if (client.session) client.session.releasedAt = this.world.clock.now();
  }

  async #bye(client: ReferenceClient): Promise<void> {
    const connection = this.#connections.get(client);
    if (!connection) return;
    await this.#end(client, connection, () => void connection.client.close());
    if (client.session) this.#sessions.delete(client.session.id);
  }

  async #end(client: ReferenceClient, { node }: { readonly node: SessionsApp }, end: () => void): Promise<void> {
    const left = new Promise((resolve) => node.app.app.get(ConnectionRegistry).on('left', resolve));
    end();
    await left;
    this.#connections.delete(client);
    client.disconnected();
  }

  async #ask(client: ReferenceClient, event: string, room: ReferenceRoom, applied: () => void): Promise<void> {
    const connection = this.#connections.get(client);
    if (!connection) return;
    await connection.client.request(event, room.name);
    applied();
  }

  async #join(client: ReferenceClient, room: ReferenceRoom): Promise<void> {
    const connection = this.#connections.get(client);
    // A second join says where the client is, which is known.
    if (!connection || client.rooms.has(room)) return;
    const answer = await connection.client.request('$join', { room: room.name }).catch(() => undefined);
    expect(answer !== undefined).toBe(client.join(room));
    if (answer) expect(toldOf(answer)).toEqual(client.told.get(room.name)?.shift());
  }

  async #publish(room: ReferenceRoom, who: number, how: number): Promise<void> {
    for (let count = 0; count < 2 * how; count++) {
      const text = `text ${++this.#said}`;
      await pick(this.world.nodes, who).rooms.to(room.name).emit('said', text);
      if (this.sabotage !== 'lose' || count < 6) room.publish(text);
    }
  }

  #forbid(room: ReferenceRoom): void {
    room.isForbidden = !room.isForbidden;
    for (const { gateway } of this.world.nodes) {
      const { forbidden } = gateway;
      const id = room.name.slice('chat/'.length);
      if (room.isForbidden) forbidden.add(id);
      else forbidden.delete(id);
    }
  }

  /** The engine loses the end of a room while nobody is in it: members would learn of it at some moment only. */
  async #fork(room: ReferenceRoom, lost: number): Promise<void> {
    if (!room.hasHistory) return;
    for (const member of [...room.members]) await this.#cut(member);
    // Until the nodes do not follow the room any more.
    for (let times = 0; times < 3; times++) await this.world.pass(5_000);
    this.world.engine.fork(room.name, lost);
    const epoch = (await pick(this.world.nodes, 0).rooms.position(room.name))?.epoch ?? '';
    expect(epoch).not.toBe(room.epoch);
    room.fork(lost, epoch);
  }

  /** What the client was told since the last step is what the reference says, and no more. */
  async #compare(client: ReferenceClient): Promise<void> {
    const connection = this.#connections.get(client)?.client;
    const { told } = client;
    client.told = new Map();
    if (!connection) return;
    while ([...told.values()].some(({ length }) => length > 0)) {
      const frame = await connection.next();
      const actual = toldOf(frame);
      const [next, ...later] = told.get(roomOf(frame)) ?? [];
      const [expected, ...rest] = next?.event === 'either' ? resolve(next, actual) : [next];
      expect({ room: roomOf(frame), ...actual }).toEqual({ room: roomOf(frame), ...expected });
      told.set(roomOf(frame), [...rest.filter((each) => each !== undefined), ...later]);
      this.world.count(nameOf(actual));
    }
    const names = [...client.rooms].map(({ name }) => name).sort();
    expect((await connection.request('rooms')).data).toEqual(names);
    expect(connection.waiting).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#connections.values()) await client[Symbol.asyncDispose]();
  }
}

interface RoomFrame {
  readonly room: string;
  readonly recovered?: boolean;
  readonly offset?: number;
  readonly reason?: string;
  readonly undone?: number;
}

function roomOf(frame: TestFrame): string {
  return String('room' in frame ? frame.room : (frame.data as RoomFrame).room);
}

function toldOf(frame: TestFrame): Told {
  const { event, data } = frame;
  // The shape is what the comparison is about.
  const { recovered = false, offset = 0, reason = '', undone = 0 } = (data ?? {}) as RoomFrame;
  if (event === '$joined') return { event: 'joined', recovered, offset, why: recovered ? undone : reason };
  if (event === '$left') return { event: 'left', reason };
  return { event: 'said', text: String(data), offset: 'offset' in frame ? Number(frame.offset) : 0 };
}

function resolve({ trimmed, whole }: Told & { readonly event: 'either' }, actual: Told): readonly Told[] {
  return actual.event === 'joined' && actual.recovered ? whole : [trimmed];
}

function nameOf(told: Told): string {
  if (told.event === 'joined') return `joined ${told.recovered ? (told.why === 0 ? 'whole' : 'undone') : told.why}`;
  return told.event === 'left' ? `left ${told.reason}` : 'said';
}

/** There is at least one. */
function pick<T>(from: readonly T[], index: number): T {
  return from[index % from.length] as T;
}
