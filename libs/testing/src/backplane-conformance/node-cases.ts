import assert from 'node:assert/strict';
import type { NodeRegistry } from '@holdfast/backplane';
import { assertRejected, type Cases, type TestNode } from './world.js';

/** Longer than a few calls take, and short enough for an engine that uses real time. */
const leaseMs = 1_000;

/** Which nodes live. */
export const nodeCases: Cases = {
  'knows the nodes that have said that they live (beat)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    assert.deepEqual(await registryOf(one).beat(leaseMs), { wasKnown: false, nodes: [one.name] });
    assert.equal((await registryOf(other).beat(leaseMs)).wasKnown, false);
    const { wasKnown, nodes } = await registryOf(one).beat(leaseMs);
    assert.equal(wasKnown, true);
    assert.deepEqual([...nodes].sort(), [one.name, other.name].sort());
  },

  'forgets a node whose lease has ended, and says so to it (beat)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    await registryOf(other).beat(leaseMs);
    await registryOf(one).beat(10 * leaseMs);
    await world.harness.advance(leaseMs + 100);
    assert.deepEqual((await registryOf(one).beat(leaseMs)).nodes, [one.name]);
    assert.equal((await registryOf(other).beat(leaseMs)).wasKnown, false);
  },

  'forgets a node that has closed at once (beat)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    await registryOf(other).beat(60_000);
    await other.backplane.close();
    assert.deepEqual((await registryOf(one).beat(leaseMs)).nodes, [one.name]);
    await assertRejected([registryOf(other).beat(leaseMs)], 'AWAY');
  },
};

function registryOf({ backplane }: TestNode): NodeRegistry {
  assert.ok(backplane.nodes, 'the engine knows which nodes live');
  return backplane.nodes;
}
