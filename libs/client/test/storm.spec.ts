import { describe, expect, it } from 'vitest';
import { landings, type Loss, peak } from './support/fleet.js';

/** `FLEET=100000` for more: then it takes over a minute. */
const size = Number(process.env['FLEET'] ?? 25_000);
const spanMs = 100;
/** The most of the fleet that may land in any span of that length. */
const allowed = 0.05 * size;

/** A busy machine is given all the time it needs. */
const timeoutMs = 300_000;

function rowOf(times: readonly number[]) {
  const sorted = Float64Array.from(times).sort();
  return {
    landed: times.length,
    'first after, ms': Math.round(sorted.at(0)!),
    'last after, ms': Math.round(sorted.at(-1)!),
    [`most in any ${spanMs} ms`]: `${((100 * peak(times, spanMs)) / size).toFixed(2)} %`,
  };
}

function print(title: string, rows: Record<string, object>): void {
  // eslint-disable-next-line no-console -- the table is what a reader runs this for
  console.table(Object.fromEntries(Object.entries(rows).map(([name, row]) => [`${title}: ${name}`, row])));
}

describe(`${size.toLocaleString('en')} clients that lose their server at once`, () => {
  it(
    'come back so spread that from the second attempt on no more than 5 % of them land in any 100 ms',
    () => {
      const forMs = 14_000;
      const attempts = landings({ size, seed: 2026, lose: (socket) => socket.end(1006), isReplaced: false, forMs });
      const fromSecond = attempts.slice(1).flat();
      const rows = Object.fromEntries(attempts.map((times, index) => [`attempt ${index + 1}`, rowOf(times)]));
      print('lost', { ...rows, 'from the second on': rowOf(fromSecond) });
      for (const complete of attempts.slice(0, 3)) expect(complete).toHaveLength(size);
      for (const times of attempts.slice(1)) expect(peak(times, spanMs)).toBeLessThanOrEqual(allowed);
      // Also where the first of one attempt meet the last of another.
      expect(peak(fromSecond, spanMs)).toBeLessThanOrEqual(allowed);
    },
    timeoutMs,
  );

  it(
    'come back so spread, where it had said how wide their window is, that no more than 2 % land in any 100 ms (10.7)',
    () => {
      const lose: Loss['lose'] = (socket) => socket.end(1006);
      const fleet = { size, seed: 3, returnWindowMs: 30_000, lose };
      const attempts = landings({ ...fleet, isReplaced: false, forMs: 32_000 });
      print('crashed', Object.fromEntries(attempts.map((times, index) => [`attempt ${index + 1}`, rowOf(times)])));
      expect(attempts[0]).toHaveLength(size);
      expect(peak(attempts.flat(), spanMs)).toBeLessThanOrEqual(0.02 * size);
      // What that costs one of them.
      const [times = []] = landings({ ...fleet, isReplaced: true, forMs: 30_000 });
      const sorted = Float64Array.from(times).sort();
      print('crashed', { 'is there again': { ...rowOf(times), 'median, ms': Math.round(sorted[size / 2] ?? 0) } });
      expect(times).toHaveLength(size);
    },
    timeoutMs,
  );

  it('are back within a second where they are few', () => {
    const [times = []] = landings({
      size: 100,
      seed: 3,
      lose: (socket) => socket.end(1006),
      isReplaced: true,
      forMs: 1_000,
    });
    expect(times).toHaveLength(100);
  });

  it.each<[string, Loss['lose']]>([
    ['with a close frame', (socket) => socket.end(1011)],
    [
      'with a drain',
      (socket) => {
        socket.say('$drain', { retryAfterMs: 0, windowMs: 0, reason: '' });
        socket.end(1012);
      },
    ],
  ])('do not wait longer than by themselves when it ends %s', (_, lose) => {
    const [times = []] = landings({ size: 100, seed: 3, returnWindowMs: 30_000, lose, isReplaced: true, forMs: 1_000 });
    expect(times).toHaveLength(100);
  });

  it(
    'come back within the window that it advertised, and spread over it',
    () => {
      const retryAfterMs = 5_000;
      const windowMs = 10_000;
      const attempts = landings({
        size,
        seed: 7,
        lose: (socket) => {
          socket.say('$drain', { retryAfterMs, windowMs, reason: 'deploy' });
          socket.end(1012);
        },
        isReplaced: true,
        forMs: retryAfterMs + windowMs,
      });
      print('drained', { 'attempt 1': rowOf(attempts.flat()) });
      expect(attempts).toHaveLength(1);
      const times = attempts.flat();
      expect(times).toHaveLength(size);
      expect(times.filter((time) => time < retryAfterMs || time >= retryAfterMs + windowMs)).toEqual([]);
      expect(peak(times, spanMs)).toBeLessThanOrEqual(allowed);
      // As many in each tenth of the window.
      for (let tenth = 0; tenth < 10; tenth++) {
        const from = retryAfterMs + (tenth * windowMs) / 10;
        const landed = times.filter((time) => time >= from && time < from + windowMs / 10).length;
        expect(landed).toBeGreaterThan(0.09 * size);
        expect(landed).toBeLessThan(0.11 * size);
      }
    },
    timeoutMs,
  );
});
