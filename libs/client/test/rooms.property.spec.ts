import type { Envelope, JoinData } from '@holdfast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/index.js';
import { type Room, rooms } from '../src/rooms/index.js';
import { settled, World } from './support/world.js';

const name = 'orders/42';

type Action =
  | { do: 'publish'; how: 'deliver' | 'lose' | 'repeat' }
  | { do: 'answer' | 'cut' | 'restart' | 'trim' }
  | { do: 'repeat old'; back: number }
  | { do: 'advance'; ms: number };

/** A server with one room, whose log holds 1, 2, 3 and so on: what each publication is, whatever its offset. */
class RoomServer {
  readonly world = new World();
  readonly client = createClient('wss://example.test', {
    WebSocket: this.world.WebSocket,
    ports: this.world.ports,
    backoff: { firstMs: 0 },
    rooms: rooms(),
  });
  readonly room: Room = this.client.room(name);
  /** What the application has seen: values, and 'gap' where it was told that something is missing. */
  readonly seen: (number | 'gap')[] = [];
  #epoch = 1;
  #top = 0;
  #published = 0;
  /** Offset and value of what is kept. */
  #kept = new Map<number, number>();
  #answered = 0;

  constructor() {
    this.room.on('said', (value) => this.seen.push(value as number));
    this.room.on('$unrecovered', () => this.seen.push('gap'));
    this.client.connect();
    this.world.socket.welcome();
    void this.room.join();
    this.answer();
  }

  act(action: Action): void {
    const { world } = this;
    if (action.do === 'publish') this.publish(action.how);
    else if (action.do === 'answer') this.answer();
    else if (action.do === 'advance') world.clock.advance(action.ms);
    else if (action.do === 'repeat old') this.#send(this.#top - action.back);
    else if (action.do === 'trim') this.#kept = new Map([...this.#kept].slice(-2));
    else {
      if (action.do === 'restart') this.#forget();
      world.socket.end();
      world.clock.advance(1);
      world.socket.welcome();
      this.#answered = 0;
    }
  }

  publish(how: 'deliver' | 'lose' | 'repeat'): void {
    this.#kept.set(++this.#top, ++this.#published);
    // Only a member is sent what is published.
    if (how === 'lose' || !this.#isMember) return;
    this.#send(this.#top);
    if (how === 'repeat') this.#send(this.#top);
  }

  /** Answers what the client has asked for. */
  answer(): void {
    const asked = this.world.socket.sent.filter(({ event }) => event === '$join');
    for (const join of asked.slice(this.#answered)) this.#join(join);
    this.#answered = asked.length;
  }

  get published(): number {
    return this.#published;
  }

  get #isMember(): boolean {
    return this.#answered > 0;
  }

  #join({ id, data }: Envelope): void {
    const { since } = data as JoinData;
    const from = since?.epoch === `e${this.#epoch}` ? since.offset : undefined;
    const oldest = this.#kept.keys().next().value ?? this.#top + 1;
    const isWhole = !since || (from !== undefined && from <= this.#top && from + 1 >= oldest);
    const offset = isWhole && from !== undefined ? from : this.#top;
    const outcome = isWhole ? { recovered: true } : { recovered: false, reason: 'epoch' };
    const joined = { room: name, kind: 'log', epoch: `e${this.#epoch}`, offset, top: this.#top, undone: 0, ...outcome };
    this.world.socket.say('$joined', joined, id);
    for (let next = offset + 1; next <= this.#top; next++) this.#send(next);
  }

  #send(offset: number): void {
    const data = this.#kept.get(offset);
    if (data === undefined) return;
    const frame = { event: 'said', data, room: name, epoch: `e${this.#epoch}`, offset };
    this.world.socket.sayRaw(JSON.stringify(frame));
  }

  /** It comes back with an empty log. */
  #forget(): void {
    this.#epoch++;
    this.#top = 0;
    this.#kept.clear();
  }
}

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      how: fc.constantFrom('deliver' as const, 'deliver' as const, 'lose' as const, 'repeat' as const),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'answer' } as const) },
  { weight: 2, arbitrary: fc.constantFrom('cut', 'restart', 'trim').map((what) => ({ do: what })) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat old' as const), back: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(2_000) }) },
);

describe('a room, whatever happens to its connection and its server', () => {
  it('delivers everything once and in order, or says that something is missing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60, size: 'max' }), async (actions) => {
        const server = new RoomServer();
        for (const one of actions) {
          server.act(one);
          await settled();
        }
        // Whatever is still on its way arrives, and one more is published, so that a hole at the end shows.
        for (let round = 0; round < 3; round++) {
          server.world.clock.advance(2_000);
          server.answer();
          await settled();
          if (round === 0) server.publish('deliver');
        }
        expectNoHole(server.seen, server.published);
        server.client.close();
        expect(server.world.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

function expectNoHole(seen: readonly (number | 'gap')[], published: number): void {
  let last = 0;
  let mayJump = false;
  for (const one of seen) {
    if (one === 'gap') {
      mayJump = true;
      continue;
    }
    expect(one).toBeGreaterThan(last);
    if (!mayJump) expect(one).toBe(last + 1);
    last = one;
    mayJump = false;
  }
  if (!mayJump) expect(last).toBe(published);
}
