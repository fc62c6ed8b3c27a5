import { retryRule } from '@holdfast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../src/errors.js';
import { type Ending, idleMachine, type Input, type Machine, step } from '../src/machine.js';
import { legalTransitions } from './support/transitions.js';

const unauthorized = 4401;
const token = fc.constantFrom(undefined, 'a', 'b');
const code = fc.option(
  fc.oneof(
    fc.constantFrom(1000, 1001, 1006, 1008, 1012, 1013, 3000, 4000, 4400, unauthorized, unauthorized, 4403, 4500, 4600),
    fc.integer({ min: 1000, max: 4999 }),
  ),
  { nil: undefined },
);
const error = fc.option(
  fc
    .tuple(fc.constantFrom('UNAVAILABLE', 'PATH_NOT_FOUND'), fc.nat(60_000))
    .map(([name, retryAfterMs]) => new HoldfastError(name, 'Away', { retryAfterMs })),
  { nil: undefined },
);
const ending: fc.Arbitrary<Ending> = fc.record({
  cause: fc.constantFrom('server', 'network', 'timeout', 'silence', 'token', 'protocol'),
  code,
  reason: fc.constantFrom(undefined, 'because'),
  error,
  token,
  wokenUp: fc.boolean(),
});
const drain = fc.record({ retryAfterMs: fc.nat(60_000), windowMs: fc.nat(60_000), reason: fc.constant('deploy') });

const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('connect', 'welcome', 'retry', 'online', 'wake').map((type) => ({ type })) },
  { weight: 1, arbitrary: fc.constant({ type: 'close' } as const) },
  { weight: 1, arbitrary: drain.map((notice) => ({ type: 'drain', drain: notice }) as const) },
  { weight: 5, arbitrary: ending.map((how) => ({ type: 'ended', ending: how }) as const) },
);

/** One thing that happens, some time after the one before it, with the chance and the network of that moment. */
const event = fc.record({
  input,
  afterMs: fc.oneof(fc.nat(20_000), fc.nat(200)),
  chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  isOnline: fc.boolean(),
});

const policy = fc.record({
  backoff: fc.record({
    firstMs: fc.nat(2_000),
    maxMs: fc.nat(60_000),
    maxAttempts: fc.oneof(fc.nat(4), fc.constant(Infinity)),
    stableMs: fc.nat(20_000),
  }),
  canRenewToken: fc.boolean(),
  comesBack: fc.boolean().map((verdict) => () => verdict),
});

interface Step {
  before: Machine;
  input: Input;
  machine: Machine;
  facts: Parameters<typeof step>[2];
}

/** Runs the machine, and looks at each step with what it remembers of those before. */
function eachStep(look: (one: Step, earlier: readonly Step[]) => void): void {
  fc.assert(
    fc.property(policy, fc.array(event, { maxLength: 80, size: 'max' }), (rules, events) => {
      let machine: Machine = idleMachine;
      let now = 0;
      const steps: Step[] = [];
      for (const { input: given, afterMs, chance, isOnline } of events) {
        now += afterMs;
        const facts = { now, wallNow: 1e12 + now, isOnline, random: { next: () => chance }, policy: rules };
        const before = machine;
        machine = step(before, given, facts);
        const one = { before, input: given, machine, facts };
        look(one, steps);
        steps.push(one);
      }
    }),
    { numRuns: 500 },
  );
}

/** The change that a step made, if it made one. */
const changeOf = ({ before, machine }: Step) => (machine.change === before.change ? undefined : machine.change);

describe('the machine, whatever happens to it', () => {
  it('changes its state by the table, and tells each change as it is', () => {
    eachStep((one) => {
      const change = changeOf(one);
      if (change === undefined) {
        expect(one.machine.state).toBe(one.before.state);
        return;
      }
      expect(legalTransitions[change.from]).toContain(change.to);
      expect(change).toMatchObject({ from: one.before.state, to: one.machine.state, attempts: one.machine.attempts });
      expect(change.nextAttemptAt === undefined).toBe(change.to !== 'waiting');
    });
  });

  it('leaves `closed` and `failed` by connect() alone, and then with nothing of before; after too many attempts by a network or page that is back, too', () => {
    eachStep((one) => {
      if (one.before.state !== 'closed' && one.before.state !== 'failed') return;
      const change = changeOf(one);
      if (change?.to === 'closed') expect(one.input.type).toBe('close');
      else if (change && one.input.type !== 'connect') {
        expect(['online', 'wake']).toContain(one.input.type);
        expect(one.before.change?.cause).toBe('attempts');
        expect(one.facts.policy.backoff.maxAttempts).toBeGreaterThan(0);
        expect(one.machine.attempts).toBe(one.before.attempts + (change.to === 'connecting' ? 1 : 0));
      } else if (change) {
        expect(one.input.type).toBe('connect');
        expect(one.machine).toEqual({ ...idleMachine, state: 'connecting', change });
      }
    });
  });

  it('plans no attempt before the time the server named, nor after the longest wait, nor later than a window', () => {
    eachStep((one, earlier) => {
      const change = changeOf(one);
      if (change?.to !== 'waiting') return;
      const { before, facts, input: given } = one;
      if (change.cause === 'offline') {
        expect(change.nextAttemptAt).toBe(facts.wallNow + 5_000);
        return;
      }
      const { firstMs } = facts.policy.backoff;
      if (given.type !== 'ended') {
        // Hastened, or begun anew.
        if (before.state === 'waiting') expect(change.nextAttemptAt).toBeLessThan(before.change!.nextAttemptAt!);
        expect(change.nextAttemptAt).toBeGreaterThan(facts.wallNow);
        expect(change.nextAttemptAt).toBeLessThanOrEqual(Math.max(facts.wallNow + firstMs, before.notBefore));
        return;
      }
      const { ending: lost } = given;
      const notice = lastDrain(one, earlier);
      const askedMs = notice?.retryAfterMs ?? lost.error?.retryAfterMs ?? 0;
      const { maxMs } = facts.policy.backoff;
      const spreadMs = Math.max(notice?.windowMs ?? 0, maxMs);
      expect(change.nextAttemptAt).toBeGreaterThanOrEqual(facts.wallNow + askedMs);
      expect(change.nextAttemptAt).toBeLessThanOrEqual(facts.wallNow + askedMs + spreadMs);
      expect(before.state).not.toBe('idle');
      if (change.attempts === 0) {
        if (notice) expect(change.nextAttemptAt).toBe(facts.wallNow + askedMs + facts.random.next() * notice.windowMs);
        else if (lost.wokenUp) expect(change.nextAttemptAt).toBe(facts.wallNow + askedMs);
      } else {
        const longestMs = Math.min(maxMs, firstMs * 3 ** change.attempts);
        expect(change.nextAttemptAt).toBeGreaterThanOrEqual(facts.wallNow + facts.random.next() * longestMs);
      }
    });
  });

  it('lets nothing but the timer begin an attempt before the time the server named', () => {
    eachStep((one) => {
      if (changeOf(one)?.to !== 'connecting' || !['waiting', 'failed'].includes(one.before.state)) return;
      if (one.input.type === 'connect' && one.before.state === 'failed') return;
      if (one.input.type === 'retry') expect(one.facts.isOnline).toBe(true);
      else expect(one.facts.wallNow).toBeGreaterThanOrEqual(one.before.notBefore);
    });
  });

  it('makes no more attempts in a row than it may, and as many again when the network or page is back', () => {
    eachStep((one, earlier) => {
      const { maxAttempts } = one.facts.policy.backoff;
      const most = maxAttempts * (1 + beginningsAnew(one, earlier));
      expect(one.machine.attempts).toBeLessThanOrEqual(most);
      if (changeOf(one)?.to === 'waiting') expect(one.machine.attempts).toBeLessThan(most);
      if (changeOf(one)?.cause === 'attempts') expect(one.machine.attempts).toBe(most);
    });
  });

  it('gives up a path that is missing three times in a row, at least 30 s apart, and not before', () => {
    eachStep((one, earlier) => {
      const change = changeOf(one);
      if (one.input.type !== 'ended' || change === undefined) return;
      const times = missingSince(one, earlier);
      if (times >= 3) expect(change.to).toBe('failed');
      if (change.to === 'failed' && retryRule(change.code ?? 0) === 'return' && change.cause === 'network') {
        expect(times).toBe(3);
      }
    });
  });

  it('stays away after codes that say so, but for one other token after 4401', () => {
    eachStep((one, earlier) => {
      const change = changeOf(one);
      if (one.input.type !== 'ended' || change?.code === undefined) return;
      const rule = retryRule(change.code);
      if (change.to === 'waiting' && rule === 'stay-away') {
        expect(change.code).toBe(unauthorized);
        expect(one.facts.policy.canRenewToken).toBe(true);
        expect(renewalsInARow(one, earlier)).toBe(0);
      }
      if (change.to === 'waiting' && rule === 'application') expect(one.facts.policy.comesBack(0, '')).toBe(true);
      if (change.to === 'closed') expect(change.code === 1000 || rule === 'application').toBe(true);
      if (change.to === 'failed' && rule === 'return' && change.error?.code !== 'PATH_NOT_FOUND') {
        expect(change.cause).toBe('attempts');
      }
    });
  });
});

/** What the connection that just ended had advertised. */
function lastDrain(one: Step, earlier: readonly Step[]) {
  if (one.before.state !== 'open') return undefined;
  for (const step of earlier.toReversed()) {
    if (step.before.state !== 'open') return undefined;
    if (step.input.type === 'drain') return step.input.drain;
  }
  return undefined;
}

/** How often the client went on after too many attempts, since it connected or a connection was stable. */
function beginningsAnew(one: Step, earlier: readonly Step[]): number {
  let count = 0;
  for (const past of [...earlier, one]) {
    const change = changeOf(past);
    if (!change) continue;
    const { before, input: given, facts } = past;
    const wasStable = before.state === 'open' && facts.now - before.openedAt >= facts.policy.backoff.stableMs;
    const hasBegun = ['connect', 'close'].includes(given.type) && before.state !== 'waiting';
    if (hasBegun || change.to === 'closed' || (given.type === 'ended' && wasStable)) count = 0;
    if (before.state === 'failed' && ['online', 'wake'].includes(given.type)) count++;
  }
  return count;
}

/** How many attempts in a row, 30 s apart, found the path missing. */
function missingSince(one: Step, earlier: readonly Step[]): number {
  let times = 0;
  let lastAt = -Infinity;
  for (const past of [...earlier, one]) {
    const { input: given, facts, machine } = past;
    if (changeOf(past)?.to === 'closed' || (machine.attempts === 0 && machine.state === 'connecting')) times = 0;
    if (given.type !== 'ended' || !changeOf(past)) continue;
    const { cause, error: why } = given.ending;
    if (cause !== 'network' || why?.code !== 'PATH_NOT_FOUND') times = 0;
    else if (times === 0 || facts.now - lastAt >= 30_000) {
      times++;
      lastAt = facts.now;
    }
  }
  return times;
}

/** How often 4401 was followed by a return since a connection was stable or the application began anew. */
function renewalsInARow(one: Step, earlier: readonly Step[]): number {
  let count = 0;
  for (const past of [...earlier, one].toReversed()) {
    const change = changeOf(past);
    const { before, input: given, facts } = past;
    const wasStable = before.state === 'open' && facts.now - before.openedAt >= facts.policy.backoff.stableMs;
    if ((given.type === 'ended' && wasStable) || ['idle', 'closed', 'failed'].includes(before.state)) break;
    if (past !== one && change?.to === 'waiting' && change.code === unauthorized) count++;
  }
  return count;
}
