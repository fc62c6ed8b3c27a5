import { describe, expect, it } from 'vitest';
import { bindRateLimits, sharedRuleProblems } from '../../src/rate-limit/bound-rate-limit.js';
import { RateLimit, type RateLimitOptions, rateLimitsOf } from '../../src/rate-limit/rate-limit.decorator.js';

const second = { limit: 5, windowMs: 1_000 };
const hour = { limit: 100, windowMs: 3_600_000 };

@RateLimit(hour)
class Base {
  @RateLimit(second)
  @RateLimit({ ...hour, algorithm: 'fixed-window' })
  twice(): void {}

  never(): void {}
}

class Heir extends Base {}

@RateLimit(second)
class Rebel extends Base {}

function namesOf(type: { readonly prototype: object }, method: string): string[] {
  const handler = Reflect.get(type.prototype, method) as object;
  return bindRateLimits(type, handler, method, '/chat').map(
    ({ name, rule }) => `${name} ${rule.windowMs} ${rule.algorithm}`,
  );
}

describe('@RateLimit', () => {
  it.each<[string, Partial<RateLimitOptions>]>([
    ['limit', { limit: 0 }],
    ['windowMs', { windowMs: 0.5 }],
    ['algorithm', { algorithm: 'leaky' as never }],
    ['closeAfter', { closeAfter: 0 }],
    ['closeAfter', { closeAfter: Number.NaN }],
    ['cost must be', { cost: -1 }],
    ['cost must be', { cost: 0.5 }],
    ['cost (6) must not be above limit (5)', { cost: 6 }],
  ])('refuses a wrong %s', (named, wrong) => {
    expect(() => RateLimit({ ...second, ...wrong })).toThrow(RangeError);
    expect(() => RateLimit({ ...second, ...wrong })).toThrow(named);
  });

  it.each<RateLimitOptions>([
    { ...second, limit: Infinity, cost: 1_000 },
    { ...second, cost: 0 },
    { ...second, cost: () => -1 },
    { ...second, closeAfter: Infinity },
  ])('takes %j', (options) => {
    expect(() => RateLimit(options)).not.toThrow();
  });

  it('keeps every rule of a method, in the order in which they are written', () => {
    expect(rateLimitsOf(Reflect.get(Base.prototype, 'twice') as object).map(({ windowMs }) => windowMs)).toEqual([
      1_000, 3_600_000,
    ]);
    expect(rateLimitsOf(Reflect.get(Base.prototype, 'never') as object)).toEqual([]);
  });

  it('binds the rules of the method and then of its class, each with a count of its own', () => {
    expect(namesOf(Base, 'twice')).toEqual([
      '/chat twice#0 1000 sliding-window',
      '/chat twice#1 3600000 fixed-window',
      '/chat twice#2 3600000 sliding-window',
    ]);
    expect(namesOf(Base, 'never')).toEqual(['/chat never#0 3600000 sliding-window']);
  });

  it('is inherited with the class, and replaced by a rule of the subclass', () => {
    expect(namesOf(Heir, 'never')).toEqual(['/chat never#0 3600000 sliding-window']);
    expect(namesOf(Rebel, 'never')).toEqual(['/chat never#0 1000 sliding-window']);
    expect(rateLimitsOf(Base)).toEqual([hour]);
  });
});

describe('rules that share a count', () => {
  const bind = (place: string, options: RateLimitOptions) => {
    const handler = (): void => undefined;
    RateLimit(options)(handler);
    return bindRateLimits(handler, () => undefined, place);
  };

  it('must count it in the same way', () => {
    const found = sharedRuleProblems([
      ...bind('A.a', { ...second, shared: 'writes' }),
      ...bind('B.b', { ...hour, shared: 'writes' }),
      ...bind('C.c', { ...second, algorithm: 'token-bucket', shared: 'writes' }),
    ]);
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/A\.a and B\.b share the rate limit "writes".*1000 ms.*3600000 ms/);
    expect(found[1]).toMatch(/A\.a and C\.c.*sliding-window.*token-bucket/);
  });

  it('may have limits of their own, and others are free', () => {
    const limits = [
      ...bind('A.a', { ...second, shared: 'writes' }),
      ...bind('B.b', { ...second, limit: 2, shared: 'writes' }),
      ...bind('C.c', { ...hour, shared: 'reads' }),
      ...bind('D.d', hour),
      ...bind('D.d', second),
    ];
    expect(sharedRuleProblems(limits)).toEqual([]);
  });
});
