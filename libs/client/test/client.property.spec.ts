import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type Action, type Meddling, Session } from './support/session.js';

const code = fc.oneof(
  fc.constantFrom(1000, 1001, 1006, 1006, 1006, 1008, 1012, 1013, 3000, 4400, 4401, 4401, 4403, 4500, 4504, 4600),
  fc.integer({ min: 1000, max: 4999 }),
);

const frame = fc.constantFrom(
  '{"event":"said","data":1}',
  '{"event":"said","data":2,"id":1}',
  '{"event":"$ping","data":{"n":1}}',
  '{"event":"$pong","data":{"n":1}}',
  '{"event":"$drain","data":{"retryAfterMs":5000,"windowMs":3000,"reason":"deploy"}}',
  '{"event":"$refresh","data":{"expiresInMs":30000}}',
  '{"event":"$error","data":{"code":"RATE_LIMITED","message":"Too much","retryAfterMs":2000}}',
  '{"event":"$later"}',
  'nonsense',
);

const ms = fc.oneof(fc.nat(100), fc.nat(5_000), fc.nat(60_000));
const request = fc.nat(5);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('connect', 'emit', 'settle').map((what) => ({ do: what })) },
  { weight: 1, arbitrary: fc.constant({ do: 'close' } as const) },
  { weight: 5, arbitrary: fc.constantFrom('welcome', 'welcome', 'welcome', 'accept').map((what) => ({ do: what })) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      timeoutMs: fc.constantFrom(0, 500, 20_000, Infinity),
      isStream: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), request }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      request,
      event: fc.constantFrom('$reply', '$next', '$end', '$error', 'said'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('say' as const), frame }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), code }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), ms }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('set clock' as const), ms: fc.integer({ min: -1e7, max: 1e7 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('happen' as const), what: fc.constantFrom('online', 'wake') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('network' as const), isThere: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('give token' as const), token: fc.constantFrom('a', 'a', 'b', undefined) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'refuse token' } as const) },
);

const meddling: fc.Arbitrary<Meddling[]> = fc.array(
  fc.record({
    change: fc.integer({ min: 1, max: 12 }),
    calls: fc.array(fc.constantFrom('connect', 'close', 'emit'), { minLength: 1, maxLength: 3 }),
  }),
  { maxLength: 3 },
);

const options = fc.record({
  connectTimeoutMs: fc.constantFrom(5_000, Infinity),
  requestTimeoutMs: fc.constantFrom(1_000, Infinity),
  backoff: fc.record({ maxAttempts: fc.constantFrom(0, 2, Infinity), firstMs: fc.constantFrom(0, 1_000) }),
  outbox: fc.record({ maxMessages: fc.nat(3), overflow: fc.constantFrom('refuse', 'drop-oldest') }),
});

/** A busy machine is given all the time it needs. */
const timeoutMs = 120_000;

describe('a client, whatever happens to it', () => {
  it.each([
    ['without a token', false],
    ['with one', true],
  ])(
    'keeps its promises at any time, and leaves nothing behind when it is closed: %s',
    async (_, hasToken) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          options,
          meddling,
          fc.array(action, { minLength: 5, maxLength: 60, size: 'max' }),
          async (seed, given, calls, actions) => {
            const session = new Session(seed, given, hasToken, calls);
            for (const next of actions) await session.act(next);
            await session.recover();
            await session.end();
          },
        ),
        { numRuns: 300 },
      );
    },
    timeoutMs,
  );
});
