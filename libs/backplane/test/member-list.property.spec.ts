import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../src/rooms/cursor.js';
import { MemberList } from '../src/rooms/member-list.js';
import { Subscription } from '../src/rooms/subscription.js';
import { policies } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

/** What a member does while it is visited: the number of joins, and which of the members leave. */
const reaction = fc.record({ joins: fc.nat(2), leaves: fc.array(fc.nat(20), { maxLength: 3 }), walks: fc.boolean() });

function subscribe(list: MemberList): Subscription {
  const owner = {
    room: 'room',
    policy: policies['log']!,
    position: null,
    resume: () => undefined,
    leave: () => undefined,
  };
  const subscription = new Subscription(owner, new TestMember(), new Cursor(null));
  subscription.behind = undefined;
  list.add(subscription);
  return subscription;
}

describe('the members of a room, whatever they do while they are visited', () => {
  it('are visited once each, unless they have left, and newcomers are not', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.array(reaction, { maxLength: 20 }), (size, reactions) => {
        const list = new MemberList();
        const everybody = Array.from({ length: size }, () => subscribe(list));
        const atFirst = new Set(everybody);
        const gone = new Set<Subscription>();
        const visited = new Set<Subscription>();
        const leave = (subscription: Subscription | undefined): void => {
          if (!subscription || gone.has(subscription)) return;
          gone.add(subscription);
          list.remove(subscription);
        };
        list.each((subscription) => {
          expect(gone.has(subscription)).toBe(false);
          expect(visited.has(subscription)).toBe(false);
          expect(atFirst.has(subscription)).toBe(true);
          visited.add(subscription);
          const { joins = 0, leaves = [], walks = false } = reactions[visited.size] ?? {};
          for (let count = 0; count < joins; count++) everybody.push(subscribe(list));
          for (const place of leaves) leave(everybody[place]);
          if (walks) list.each((other) => expect(gone.has(other)).toBe(false));
        });
        for (const subscription of atFirst) expect(visited.has(subscription) || gone.has(subscription)).toBe(true);
        const left = everybody.filter((subscription) => !gone.has(subscription));
        expect(new Set(list)).toEqual(new Set(left));
        expect(list.size).toBe(left.length);
        // Places are right again: each one finds itself.
        for (const subscription of left.reverse()) leave(subscription);
        expect([list.size, [...list]]).toEqual([0, []]);
      }),
    );
  });
});
