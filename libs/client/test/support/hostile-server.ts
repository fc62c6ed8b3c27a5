import fc from 'fast-check';
import type { ClientOptions, TokenProvider } from '../../src/index.js';
import type { ScriptedSocket } from './scripted-socket.js';
import { settled, type World } from './world.js';

/** A number in JSON as no honest server writes it: beyond any sense, below zero, or none at all. */
export const hostileNumber = fc.oneof(
  fc.constantFrom('0', '-0', '1', '1e-320', '300000', '300001', '2147483648', '1e15', '1e308', '1e400', '-1', '-1e400'),
  fc.constantFrom('"5"', '"1e400"', '""', 'null', 'true', '[]', '[7]', '{}', '9007199254740993'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

/** Each reserved frame with numbers in it. */
export const hostileFrame = fc.tuple(fc.nat(4), hostileNumber, hostileNumber).map(([kind, first, second]) => {
  const frames = [
    `{"event":"$drain","data":{"retryAfterMs":${first},"windowMs":${second},"reason":""}}`,
    `{"event":"$error","data":{"code":"UNAVAILABLE","message":"","retryAfterMs":${first}}}`,
    `{"event":"$refresh","data":{"expiresInMs":${first}}}`,
    `{"event":"$ping","data":{"n":${first}}}`,
    `{"event":"$drain","data":{"retryAfterMs":0,"windowMs":0,"reason":"","handoverMs":${first}}}`,
  ];
  return frames[kind]!;
});

/** What a server does with one attempt, and what happens around it meanwhile. */
export interface Visit {
  readonly opening: 'refuses' | 'hangs' | 'accepts' | 'welcomes';
  readonly answersAfterMs: number;
  /** Said at once after the opening. */
  readonly first: string[];
  /** How long it keeps the connection. */
  readonly openMs: number;
  /** Said before the end. */
  readonly last: string[];
  readonly code: number;
  /** Of the platform, in milliseconds after the beginning of the attempt. */
  readonly events: { readonly what: 'online' | 'wake'; readonly afterMs: number }[];
}

const drainAtOnce = '{"event":"$drain","data":{"retryAfterMs":0,"windowMs":0,"reason":""}}';
const moveAtOnce = '{"event":"$drain","data":{"retryAfterMs":0,"windowMs":0,"reason":"","handoverMs":5000}}';
const frames = fc.array(fc.oneof(fc.constantFrom(drainAtOnce, moveAtOnce), hostileFrame), { maxLength: 3 });

const eventMs = fc.oneof(fc.nat(20), fc.nat(700), fc.nat(12_000));

/** @param codes - with which the server closes. */
export function visit(...codes: number[]): fc.Arbitrary<Visit> {
  return fc.record({
    opening: fc.constantFrom('refuses', 'hangs', 'accepts', 'welcomes', 'welcomes', 'welcomes'),
    answersAfterMs: fc.constantFrom(0, 0, 1, 200),
    first: frames,
    openMs: fc.constantFrom(0, 0, 1, 500, 3_100, 9_999, 10_000, 15_000),
    last: frames,
    code: fc.constantFrom(...codes),
    events: fc.array(fc.record({ what: fc.constantFrom('online', 'wake'), afterMs: eventMs }), { maxLength: 3 }),
  });
}

/** More than any client makes that is tested; after that the server is silent, so that the test ends. */
const mostAttempts = 2_000;

/** When what happened, in milliseconds. */
interface Siege {
  readonly attempts: number[];
  /** Calls of the token provider. */
  readonly tokens: number[];
  /** Of the platform, which may hasten an attempt. */
  readonly events: number[];
}

/**
 * Connects a client to a server that does the same visits again and again, and watches it for so long. After each step
 * those go on who wait for a promise.
 */
export async function besiege(
  world: World,
  visits: readonly Visit[],
  options: ClientOptions,
  spanMs: number,
  stepMs: number,
): Promise<Siege> {
  const { clock } = world;
  const siege: Siege = { attempts: [], tokens: [], events: [] };
  class Besieged extends world.WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      const now = visits[siege.attempts.push(clock.now()) % visits.length];
      // Safe: the sockets of the world are of that class.
      if (now && siege.attempts.length < mostAttempts) receive(world, this as unknown as ScriptedSocket, now, siege);
    }
  }
  const { token: provider } = options;
  const token = (): ReturnType<TokenProvider> => {
    siege.tokens.push(clock.now());
    return typeof provider === 'function' ? provider() : provider;
  };
  const given = { WebSocket: Besieged, comesBack: () => true, ...options, ...(provider !== undefined && { token }) };
  const { client } = world.client(given);
  client.connect();
  const end = clock.now() + spanMs;
  while (clock.now() < end) {
    await settled();
    clock.advance(stepMs);
  }
  client.close();
  return siege;
}

function receive(world: World, socket: ScriptedSocket, visit: Visit, siege: Siege): void {
  const { clock } = world;
  const { opening, answersAfterMs, first, openMs, last, code, events } = visit;
  for (const { what, afterMs } of events) {
    clock.schedule(() => {
      siege.events.push(clock.now());
      world.happens(what);
    }, afterMs);
  }
  const say = (texts: string[]): void => {
    for (const text of texts) socket.sayRaw(text);
  };
  clock.schedule(() => {
    if (opening === 'refuses') socket.end();
    else if (opening === 'accepts') {
      socket.accept();
      say(last.filter((text) => text.includes('$error')));
      socket.end(code);
    } else if (opening === 'welcomes') {
      socket.welcome();
      say(first);
      clock.schedule(() => {
        say(last);
        socket.end(code);
      }, openMs);
    }
  }, answersAfterMs);
}
