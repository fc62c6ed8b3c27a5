import assert from 'node:assert/strict';
import { assertRejected, bytes, type Cases, countTo, keepsAll, logOf, page, publish } from './world.js';

/** Start and end of nodes. */
export const lifeCases: Cases = {
  'says what outlives what, and how long calls may take (durability, deadlineMs)': async (world) => {
    const { backplane } = await world.node();
    assert.notEqual(backplane.name, '');
    assert.ok(backplane.deadlineMs > 0 && backplane.deadlineMs < Infinity);
    assert.ok(['process', 'memory', 'disk'].includes(backplane.durability.kind));
    assert.ok(backplane.durability.loseMs >= 0);
  },

  'keeps what is stored when a node closes (3)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    const positions = await publish(one, 'room', ['a', 'b']);
    await one.backplane.close();
    assert.deepEqual(await logOf(other, 'room'), ['a', 'b']);
    assert.equal((await publish(other, 'room', ['c']))[0]?.epoch, positions[0]?.epoch);
  },

  'settles everything that is under way when it closes, and calls nobody afterwards (8)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    await one.backplane.watch(['room']);
    const calls: Promise<unknown>[] = [
      ...countTo(20).map((text) => one.backplane.publish('room', [bytes(text)], { history: keepsAll })),
      one.backplane.read('room', null, page, keepsAll),
      one.backplane.watch(['other room']),
      one.backplane.tops(['room']),
      one.backplane.send(null, bytes('command')),
    ];
    const outcomes = Promise.allSettled(calls);
    await one.backplane.close();
    one.sink.hasClosed = true;
    await outcomes;
    await publish(other, 'room', ['after']);
    await other.backplane.send(null, bytes('after'));
    await world.rest();
    assert.equal(one.sink.callsAfterClose, 0);
  },

  'refuses every call after it has closed (8)': async (world) => {
    const { backplane } = await world.node();
    await backplane.close();
    const calls: Promise<unknown>[] = [
      backplane.publish('room', [bytes('a')], { history: keepsAll }),
      backplane.read('room', null, page, keepsAll),
      backplane.watch(['room']),
      backplane.tops(['room']),
      backplane.send(null, bytes('command')),
    ];
    if (backplane.sessions) calls.push(backplane.sessions.end('session'));
    await assertRejected(calls, 'AWAY');
    backplane.unwatch(['room']);
    await backplane.close();
  },

  'does not reach a node that has closed (send)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    await other.backplane.close();
    other.sink.hasClosed = true;
    const reached = await one.backplane.send(other.name, bytes('late'));
    assert.ok(reached === 0 || reached === undefined);
    await world.rest();
    assert.equal(other.sink.callsAfterClose, 0);
  },

  'leaves no timer (8)': async (world) => {
    const nodes = [await world.node(), await world.node()];
    for (const node of nodes) {
      await node.backplane.watch(['room']);
      await publish(node, 'room', ['a']);
    }
    for (const { backplane } of nodes) await backplane.close();
    await world.rest();
    assert.equal(world.harness.timers?.() ?? 0, 0);
  },
};
