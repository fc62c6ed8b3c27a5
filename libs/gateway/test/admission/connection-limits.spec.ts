import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionLimits } from '../../src/admission/connection-limits.js';
import { isRefusal, type Refusal } from '../../src/admission/refusal.js';
import type { Lease } from '../../src/connection/link-facts.js';

const empty = { connections: 0, ips: 0, principals: 0 };

function limits(maxConnections = Infinity, maxConnectionsPerIp = Infinity, maxConnectionsPerPrincipal = Infinity) {
  return new ConnectionLimits({ maxConnections, maxConnectionsPerIp, maxConnectionsPerPrincipal });
}

function granted(answer: Lease | Refusal): Lease {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.code}`);
  return answer;
}

describe('ConnectionLimits', () => {
  it('refuses above the total with 503, until a place is given back', () => {
    const counter = limits(2);
    const first = granted(counter.admit('a'));
    granted(counter.admit('b'));
    expect(counter.admit('c')).toMatchObject({ code: 'TOO_MANY_CONNECTIONS', status: 503 });
    first.release();
    granted(counter.admit('c'));
  });

  it('refuses above the limit of one address with 429 and leaves others alone', () => {
    const counter = limits(Infinity, 1);
    const lease = granted(counter.admit('a'));
    expect(counter.admit('a')).toMatchObject({ code: 'TOO_MANY_CONNECTIONS_PER_IP', status: 429 });
    granted(counter.admit('b'));
    lease.release();
    granted(counter.admit('a'));
  });

  it('refuses above the limit of one principal with 429 and counts nothing then', () => {
    const counter = limits(Infinity, Infinity, 1);
    const [first, second] = [granted(counter.admit('a')), granted(counter.admit('a'))];
    expect(first.bindPrincipal('ann')).toBe(true);
    expect(second.bindPrincipal('ann')).toBe(false);
    second.release();
    expect(counter.counts).toEqual({ connections: 1, ips: 1, principals: 1 });
    first.release();
    expect(counter.counts).toEqual(empty);
  });

  it('counts a principal once per connection, however often it is bound, and follows a change', () => {
    const counter = limits(Infinity, Infinity, 1);
    const lease = granted(counter.admit('a'));
    expect([lease.bindPrincipal('ann'), lease.bindPrincipal('ann'), lease.bindPrincipal('bob')]).toEqual([
      true,
      true,
      true,
    ]);
    expect(granted(counter.admit('a')).bindPrincipal('ann')).toBe(true);
    expect(granted(counter.admit('a')).bindPrincipal('bob')).toBe(false);
  });

  it('keeps what was bound when a change is refused', () => {
    const counter = limits(Infinity, Infinity, 1);
    const [first, second] = [granted(counter.admit('a')), granted(counter.admit('b'))];
    first.bindPrincipal('ann');
    second.bindPrincipal('bob');
    expect(second.bindPrincipal('ann')).toBe(false);
    expect(counter.counts.principals).toBe(2);
  });

  it('gives a place back once, and binds nobody to a place that was given back', () => {
    const counter = limits();
    const [first, second] = [granted(counter.admit('a')), granted(counter.admit('a'))];
    first.release();
    first.release();
    expect(first.bindPrincipal('ann')).toBe(true);
    expect(counter.counts).toEqual({ connections: 1, ips: 1, principals: 0 });
    second.release();
    expect(counter.counts).toEqual(empty);
  });

  it('takes names of object members for ordinary keys', () => {
    const counter = limits(Infinity, 1, 1);
    const lease = granted(counter.admit('__proto__'));
    expect(lease.bindPrincipal('constructor')).toBe(true);
    lease.release();
    expect(counter.counts).toEqual(empty);
  });

  it('never exceeds a limit and never leaks, whatever the order of events', () => {
    const step = fc.record({
      ip: fc.constantFrom('a', 'b', 'c'),
      subject: fc.constantFrom('ann', 'bob', undefined),
      releases: fc.nat({ max: 10 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const counter = limits(5, 3, 2);
        const live = new Map<Lease, { ip: string; subject?: string }>();
        for (const { ip, subject, releases } of steps) {
          const answer = counter.admit(ip);
          if (!isRefusal(answer)) {
            live.set(answer, { ip });
            if (subject !== undefined && answer.bindPrincipal(subject)) live.set(answer, { ip, subject });
          }
          const victim = [...live.keys()][releases];
          victim?.release();
          if (victim) live.delete(victim);
          const facts = [...live.values()];
          const subjects = facts.flatMap((fact) => fact.subject ?? []);
          expect(counter.counts).toEqual({
            connections: facts.length,
            ips: new Set(facts.map((fact) => fact.ip)).size,
            principals: new Set(subjects).size,
          });
          expect(facts.length).toBeLessThanOrEqual(5);
          for (const key of ['a', 'b', 'c'])
            expect(facts.filter((fact) => fact.ip === key).length).toBeLessThanOrEqual(3);
          for (const key of ['ann', 'bob'])
            expect(subjects.filter((name) => name === key).length).toBeLessThanOrEqual(2);
        }
        for (const lease of live.keys()) lease.release();
        expect(counter.counts).toEqual(empty);
      }),
    );
  });
});
