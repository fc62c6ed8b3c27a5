import {
  ConnectionEnded,
  decodeClose,
  encodeFrame,
  type FrameReader,
  rawUpgrade,
  type WireFrame,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chance } from './fuzz/chance.js';
import { unlawfulFrame } from './fuzz/lawful.js';
import { strangeFrame } from './fuzz/strange-frame.js';
import { endures, freshAddress, saidUntilTheEnd, upgradeHeaders } from './support/hostile.js';
import { ServerProcess } from './support/server-process.js';

const handshakes = 3_000;
/** Connections with one to eight random frames each. */
const conversations = 1_500;
/** Connections at once. */
const width = 60;
/** Repeats a run that failed: its number is in the title of the test. */
const seed = Number(process.env['HOSTILE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let server: ServerProcess;

beforeAll(async () => {
  // What the fuzz leaves unfinished is not waited for long.
  server = await ServerProcess.start({ admission: { handshakeTimeoutMs: 1_000 } });
});
afterAll(() => server[Symbol.asyncDispose]());

async function eachOf(rounds: number, act: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < rounds) await act(next++);
    }),
  );
}

// Seconds, but not on a machine that builds and tests other things meanwhile.
describe(`seed ${seed}`, { timeout: 60_000 }, () => {
  it('random handshakes are answered or cut, and never by a 5xx', async () => {
    const answers = new Map<string, number>();
    await endures(server, `${handshakes} random handshakes`, { memory: 120 }, async () => {
      await eachOf(handshakes, async (round) => {
        const said = await saidUntilTheEnd(server, handshake(new Chance(seed + round * 7_919)));
        const answer = said.length === 0 ? 'cut' : said.toString('latin1', 0, 12);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      });
    });
    console.log(Object.fromEntries(answers));
    for (const answer of answers.keys()) expect(answer).toMatch(/^(cut|HTTP\/1\.1 (101|2\d\d|4\d\d))$/);
  });

  it('random frames are answered by frames that are in order, or cut', async () => {
    const ends = new Map<number, number>();
    // Ten failures with their stacks for each of the two handlers that throw, in each ten seconds.
    await endures(server, `${conversations} random conversations`, { memory: 120, lines: 1_000 }, async () => {
      await eachOf(conversations, async (round) => {
        const chance = new Chance(seed + round * 7_919);
        const bytes = Buffer.concat(Array.from({ length: 1 + chance.below(8) }, () => frame(chance)));
        const upgraded = await rawUpgrade(server.url('/target'), {
          localAddress: freshAddress(),
          headers: { 'Sec-WebSocket-Protocol': chance.of([undefined, 'holdfast.v1.json']) },
          writeAfter: bytes,
        });
        if (!upgraded.upgraded) throw new Error(`refused with ${upgraded.status}`);
        upgraded.socket.end();
        const code = await checked(upgraded.frames);
        ends.set(code, (ends.get(code) ?? 0) + 1);
      });
    });
    console.log(Object.fromEntries(ends));
    // Each way to end was taken, so the fuzz gets past the first check.
    for (const code of [1000, 1002, 1007, 1009, 4400]) expect(ends.get(code)).toBeGreaterThan(0);
  });
});

function handshake(chance: Chance): Buffer {
  const right = `GET ${chance.of(['/target', '/witness', '//', '/', '*', '/target?a=%'])} HTTP/1.1\r\nHost: a\r\n${upgradeHeaders}\r\n`;
  if (chance.below(20) === 0) return chance.bytes(1 + chance.below(300));
  return chance.mutated(Buffer.from(right));
}

const values = ['null', '1', '"x"', '[]', '{}', '{"n":1}', '{"token":"x"}', '1e999', '-0', '"\\ud800"', '[[[[]]]]'];
const events = ['echo', 'throw', 'reject', 'none', '', '$hello', '$ping', '$pong', '$refresh', '$end', '__proto__'];

function frame(chance: Chance): Buffer {
  switch (chance.below(8)) {
    case 0:
    case 1:
    case 2:
      return strangeFrame(chance);
    case 3:
      return encodeFrame({ claimedLength: chance.of([126, 65_536, 262_144, 262_145, 2 ** 40]) });
    case 4:
      return encodeFrame({ payload: chance.mutated(envelope(chance)) });
    default:
      // Enough of them to be too many, now and then.
      return Buffer.concat(
        Array.from({ length: chance.of([1, 1, 1, 1, 25]) }, () => encodeFrame({ payload: envelope(chance) })),
      );
  }
}

function envelope(chance: Chance): Buffer {
  const id = chance.of(['', ',"id":1', ',"id":"a"', ',"id":{}', ',"room":1', ',"offset":-1', ',"trace":"00-x"']);
  return Buffer.from(`{"event":"${chance.of(events)}","data":${chance.of(values)}${id}}`);
}

/** Every frame of the server has to be one, and every text an envelope. Gives the code it closed with, else 1006. */
async function checked(frames: FrameReader): Promise<number> {
  let code: number | undefined;
  for (;;) {
    const next = await frames.next(10_000).catch((error: unknown) => error);
    if (next instanceof ConnectionEnded) return code ?? 1006;
    if (next instanceof Error) throw next;
    // Whatever is no error is a frame.
    const frame = next as WireFrame;
    // Many thousands come, and an `expect` for each takes longer than the server.
    if (code !== undefined || unlawfulFrame(frame) !== undefined)
      expect.fail(`after close ${code}: ${JSON.stringify(frame)}`);
    if (frame.opcode === 8) code = decodeClose(frame.payload).code;
  }
}
