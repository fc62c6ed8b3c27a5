import type { SimRoom } from './check-stream.js';
import type { SimClient } from './sim-client.js';
import type { SimNode } from './sim-node.js';
import type { SimAction, SimStep } from './sim-schedule.js';
import { pickOf, type SimWorld } from './sim-world.js';

/** Carries out one step. */
export function act(world: SimWorld, { action, pick, amount }: SimStep): void {
  const client = pickOf(world.clients, pick);
  const node = pickOf(world.nodes, pick);
  const room = pickOf(world.rooms, amount);
  if (world.isLossless && (action === 'fork' || action === 'empty')) return;
  const actions: Record<SimAction, () => void> = {
    publish: () => publish(world, node, pickOf(world.rooms, (pick * 7) % 1), amount),
    cut: () => cut(world, client, amount),
    move: () => move(world, client, amount),
    stall: () => client.connections.forEach((connection) => connection.stall(30 + amount * 200)),
    toggle: () => toggle(client, room),
    fork: () => fork(world, room, Math.floor(pick * 6)),
    empty: () => empty(world),
    interrupt: () => interrupt(world, node, amount),
    pause: () => pause(world, node, amount),
    crash: () => crash(world, node, amount),
  };
  actions[action]();
}

function publish(world: SimWorld, node: SimNode, room: SimRoom, amount: number): void {
  const key = amount < 0.1 ? `key ${Math.floor(amount * 100)}` : undefined;
  for (let count = Math.ceil(amount * 4); count > 0; count--) {
    world.publisher.publish(node, room, key, (violation) => world.violated(violation));
  }
}

function cut(world: SimWorld, client: SimClient, amount: number): void {
  client.disconnect(amount * 40);
  world.schedule(() => world.connect(client), amount * 120);
}

/** The client connects to another node before it closes the old connection. */
function move(world: SimWorld, client: SimClient, amount: number): void {
  const [old, another] = client.connections;
  if (!old || another) return;
  client.connections.length = 0;
  world.connect(client);
  client.connections.unshift(old);
  world.schedule(
    () => {
      if (client.connections[0] !== old) return;
      client.connections.shift();
      old.cut(0);
    },
    20 + amount * 100,
  );
}

function toggle(client: SimClient, room: SimRoom): void {
  if (client.wanted.delete(room)) {
    client.forget(room);
    for (const connection of client.connections) connection.leave(room.name);
  } else {
    client.wanted.add(room);
    client.connections.at(-1)?.join(room.name, null);
  }
}

function fork(world: SimWorld, room: SimRoom, lost: number): void {
  const before = world.topOf(room.name);
  world.engine.fork(room.name, lost);
  const after = world.topOf(room.name);
  if (before && after) room.truth.forked(before, after);
}

function empty(world: SimWorld): void {
  for (const { truth } of world.rooms) truth.emptied();
  world.engine.empty();
}

function interrupt(world: SimWorld, { backplane }: SimNode, amount: number): void {
  backplane.cut();
  world.schedule(() => backplane.mend(), amount * 100);
}

function pause(world: SimWorld, { backplane }: SimNode, amount: number): void {
  backplane.pause();
  world.schedule(() => backplane.unpause(), amount * 150);
}

function crash(world: SimWorld, node: SimNode, amount: number): void {
  if (world.nodes.length === 1) return;
  node.crash();
  world.nodes.splice(world.nodes.indexOf(node), 1);
  for (const client of world.clients) {
    if (!client.connections.some((connection) => connection.node === node)) continue;
    client.disconnect(0);
    world.schedule(() => world.connect(client), 10 + amount * 60);
  }
  world.schedule(() => world.addNode(), amount * 80);
}
