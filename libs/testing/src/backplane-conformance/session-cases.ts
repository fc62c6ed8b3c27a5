import assert from 'node:assert/strict';
import type { Claimed, Lease, Membership, SessionStore } from '@holdfast/backplane';
import { assertRejected, type Cases, countTo, type TestNode, type World } from './world.js';

/** Longer than a few calls take, and short enough for an engine that uses real time. */
const idleMs = 2_000;
const resumableMs = 1_000;

const joined: Membership = { at: { epoch: 'e', offset: 7 }, by: 'server' };
const ephemeral: Membership = { at: null, by: 'client' };

/** Sessions, used by two nodes. */
export const sessionCases: Cases = {
  'creates, changes and hands over a session with everything that was stored (1, 5)': async (world) => {
    const { one, other, lease } = await session(world);
    await one.change(lease, {
      join: new Map([
        ['room', joined],
        ['a:{b}\0', ephemeral],
        ['gone', joined],
      ]),
    });
    await one.change(lease, { leave: ['gone', 'never there'], join: new Map([['room', { ...joined, by: 'client' }]]) });
    const { session: claimed, before } = await claim(other, 'id', 'alice', 'node 2');
    assert.equal(before, 'node 1');
    assert.equal(claimed.principal, 'alice');
    assert.ok(claimed.lease.fence > lease.fence);
    assert.deepEqual([claimed.lease.id, claimed.lease.node], ['id', 'node 2']);
    assert.deepEqual(
      new Map(claimed.rooms),
      new Map<string, Membership>([
        ['room', { ...joined, by: 'client' }],
        ['a:{b}\0', ephemeral],
      ]),
    );
  },

  'does not create a session twice (create)': async (world) => {
    const { other } = await session(world);
    const again = other.create({ id: 'id', principal: 'mallory', node: 'node 2', idleMs });
    await assertRejected([again], 'REFUSED');
  },

  'knows unknown sessions, and leaves foreign ones as they are (4)': async (world) => {
    const { one, other, lease } = await session(world);
    assert.equal(await other.claim('other id', 'alice', 'node 2'), 'unknown');
    assert.equal(await other.claim('id', 'mallory', 'node 2'), 'foreign');
    assert.equal(await other.claim('id', '', 'node 2'), 'foreign');
    await one.change(lease, { join: new Map([['room', joined]]) });
    assert.deepEqual(await one.touch([lease]), []);
  },

  'refuses an older fence, and nothing of that call remains (2)': async (world) => {
    const { one, other, lease } = await session(world);
    const { session: claimed } = await claim(other, 'id', 'alice', 'node 1');
    await refused(one.change(lease, { join: new Map([['room', joined]]) }));
    await refused(one.release(lease, resumableMs));
    assert.deepEqual(await one.touch([lease, claimed.lease]), [lease]);
    const { session: again } = await claim(one, 'id', 'alice', 'node 1');
    assert.deepEqual([...again.rooms.keys()], []);
  },

  'lets exactly one of many claims at once own the session (1)': async (world) => {
    const { one, other } = await session(world);
    const claims = countTo(20).map((number) =>
      claim(Number(number) % 2 ? one : other, 'id', 'alice', `node ${number}`),
    );
    const leases = (await Promise.all(claims)).map((claimed) => claimed.session.lease);
    const fences = new Set(leases.map(({ fence }) => fence));
    assert.equal(fences.size, 20);
    const newest = leases.find(({ fence }) => fence === Math.max(...fences));
    for (const lease of leases) {
      const change = one.change(lease, { join: new Map([[lease.node, joined]]) });
      if (lease === newest) await change;
      else await refused(change);
    }
    assert.deepEqual(
      await other.touch(leases),
      leases.filter((lease) => lease !== newest),
    );
  },

  'can be claimed again when the answer to a claim was lost (3)': async (world) => {
    const { one, other, lease } = await session(world);
    await one.change(lease, { join: new Map([['room', joined]]) });
    await claim(other, 'id', 'alice', 'node 2');
    const { session: again } = await claim(other, 'id', 'alice', 'node 2');
    assert.deepEqual([...again.rooms.keys()], ['room']);
  },

  'keeps a released session for as long as was said, and no old lease works on it (2, 6)': async (world) => {
    const { one, other, lease } = await session(world);
    await one.change(lease, { join: new Map([['room', joined]]) });
    await one.release(lease, resumableMs);
    await refused(one.change(lease, { leave: ['room'] }));
    assert.deepEqual(await one.touch([lease]), [lease]);
    await world.harness.advance(resumableMs / 2);
    const { session: claimed, before } = await claim(other, 'id', 'alice', 'node 2');
    assert.equal(before, null);
    assert.deepEqual([...claimed.rooms.keys()], ['room']);
    await other.release(claimed.lease, resumableMs);
    await world.harness.advance(resumableMs + 200);
    assert.equal(await other.claim('id', 'alice', 'node 2'), 'unknown');
  },

  'keeps a session that is used or touched, and forgets one that is not (6)': async (world) => {
    const { one, other, lease } = await session(world);
    for (let times = 0; times < 4; times++) {
      await world.harness.advance(idleMs * 0.6);
      if (times % 2 === 0) assert.deepEqual(await one.touch([lease]), []);
      else await one.change(lease, {});
    }
    await world.harness.advance(idleMs + 200);
    await refused(one.change(lease, { join: new Map([['room', joined]]) }));
    assert.deepEqual(await one.touch([lease]), [lease]);
    assert.equal(await other.claim('id', 'alice', 'node 2'), 'unknown');
    assert.equal((await other.create({ id: 'id', principal: 'bob', node: 'node 2', idleMs })).node, 'node 2');
  },

  'ends a session, whoever owns it (end)': async (world) => {
    const { one, other, lease } = await session(world);
    await other.end('id');
    await other.end('id');
    await refused(one.change(lease, {}));
    assert.equal(await one.claim('id', 'alice', 'node 1'), 'unknown');
  },
};

async function session(world: World): Promise<{ one: SessionStore; other: SessionStore; lease: Lease }> {
  const [one, other] = [storeOf(await world.node()), storeOf(await world.node())];
  const lease = await one.create({ id: 'id', principal: 'alice', node: 'node 1', idleMs });
  assert.deepEqual([lease.id, lease.node], ['id', 'node 1']);
  return { one, other, lease };
}

function storeOf({ backplane }: TestNode): SessionStore {
  assert.ok(backplane.sessions, 'an engine with the capability `sessions` has them');
  return backplane.sessions;
}

async function claim(store: SessionStore, id: string, principal: string, node: string): Promise<Claimed> {
  const claimed = await store.claim(id, principal, node);
  assert.ok(typeof claimed === 'object', 'the session is there, and belongs to the principal');
  return claimed;
}

function refused(call: Promise<unknown>): Promise<void> {
  return assertRejected([call], 'FENCED');
}
