import { encodeFrame } from '@holdfast/testing';
import { upgradeHeaders } from '../support/hostile.js';
import { Chance } from './chance.js';
import { strangeFrame } from './strange-frame.js';

/** What one hostile peer does. */
export interface Script {
  /** TCP segments, in order. */
  readonly segments: readonly Buffer[];
  /** Milliseconds before a segment, by its index; none: in the next turn of the event loop. */
  readonly pauses: ReadonlyMap<number, number>;
  readonly reads: 'all' | 'nothing' | 'slowly';
  /** How it leaves: by FIN or RST, by FIN while it still reads, or not before the round is over. */
  readonly leaves: 'fin' | 'reset' | 'half' | 'stays';
}

const paths = [
  '/target',
  '/target',
  '/scoped',
  '/late',
  '/guarded',
  '/slow',
  '/streams',
  '/hooks',
  '/none',
  '/target?a=%',
];
const events = ['echo', 'dto', 'work', 'throw', 'reject', 'numbers', 'endless', 'failing', 'none', '', '__proto__'];
const reserved = ['$hello', '$ping', '$pong', '$refresh', '$end', '$join'];
const values = [
  ...[
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    '{"n":1}',
    '{"token":"x"}',
    '1e999',
    '-0',
    '"\\ud800"',
    '[[[[]]]]',
    '{"text":"a"}',
  ],
  ...[`"${'x'.repeat(3_000)}"`, `[${'1,'.repeat(6_000)}1]`, `[${'{},'.repeat(900)}{}]`],
];
/** No more of them: what a script does has to take less than a second. */
const maxSegments = 400;

export function drawScript(seed: number): Script {
  const chance = new Chance(seed);
  const bytes = Buffer.concat([opening(chance), ...Array.from({ length: chance.below(9) }, () => frames(chance))]);
  const segments = cut(bytes, chance);
  const pauses = new Map<number, number>();
  for (let number = chance.below(4); number > 0; number--) pauses.set(chance.below(segments.length), chance.below(40));
  return {
    // Some leave in the middle of what they say.
    segments: chance.once(3) ? segments.slice(0, 1 + chance.below(segments.length)) : segments,
    pauses,
    reads: chance.of(['all', 'all', 'nothing', 'slowly']),
    leaves: chance.of(['fin', 'reset', 'half', 'stays']),
  };
}

/** Everything up to the end of the request head. */
function opening(chance: Chance): Buffer {
  const protocol = chance.of([
    '',
    '',
    'Sec-WebSocket-Protocol: holdfast.v1.json\r\n',
    'Sec-WebSocket-Protocol: bearer.x\r\n',
  ]);
  const right = `GET ${chance.of(paths)} HTTP/1.1\r\nHost: a\r\n${upgradeHeaders}${protocol}\r\n`;
  const before = chance.once(6) ? 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n' : '';
  if (chance.once(12)) return chance.bytes(1 + chance.below(200));
  if (chance.once(4)) return chance.mutated(Buffer.from(before + right));
  const hello =
    protocol.includes('holdfast') && !chance.once(5) ? encodeFrame({ payload: '{"event":"$hello","data":{}}' }) : '';
  return Buffer.concat([Buffer.from(before + right), Buffer.from(hello)]);
}

function frames(chance: Chance): Buffer {
  switch (chance.below(11)) {
    case 0:
    case 1:
    case 2:
      return strangeFrame(chance);
    case 3:
      return encodeFrame({
        claimedLength: chance.of([126, 16_384, 65_536, 262_145, 2 ** 40]),
        payload: chance.bytes(40),
      });
    case 4:
      return chance.mutated(encodeFrame({ payload: envelope(chance) }));
    case 5:
      return fragmented(envelope(chance), chance);
    case 6:
      return repeated(chance.of([1, 30, 300]), () =>
        encodeFrame({ opcode: 9, payload: chance.bytes(chance.below(125)) }),
      );
    case 7:
      return repeated(chance.of([30, 300]), () => encodeFrame({ payload: envelope(chance) }));
    default:
      return encodeFrame({ payload: envelope(chance) });
  }
}

function envelope(chance: Chance): Buffer {
  const id = chance.of(['', ',"id":1', ',"id":"a"', ',"id":{}', ',"trace":"00-x"']);
  const event = chance.of(chance.once(4) ? reserved : events);
  return Buffer.from(`{"event":"${event}","data":${chance.of(values)}${id}}`);
}

function fragmented(payload: Buffer, chance: Chance): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const size = chance.below(payload.length);
    const isLast = at + size >= payload.length;
    parts.push(
      encodeFrame({
        opcode: at === 0 && parts.length === 0 ? 1 : 0,
        fin: isLast,
        payload: payload.subarray(at, at + size),
      }),
    );
    // A control frame may stand between fragments.
    if (chance.once(3)) parts.push(encodeFrame({ opcode: 9 }));
    at += size;
  } while (at < payload.length && parts.length < 40);
  return Buffer.concat(parts);
}

function repeated(times: number, make: () => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: times }, make));
}

function cut(bytes: Buffer, chance: Chance): Buffer[] {
  const size = chance.of([
    (): number => Infinity,
    (): number => 1,
    (): number => 1 + chance.below(20),
    (): number => chance.of([536, 1_460]),
    (): number => chance.of([1, 7, 200, 4_096]),
  ]);
  const segments: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = segments.length < maxSegments ? at + size() : Infinity;
    segments.push(bytes.subarray(at, end));
    at = end;
  }
  return segments;
}
