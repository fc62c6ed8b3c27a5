import { FaultProxy } from '@holdfast/testing';
import { expect, it, vi } from 'vitest';
import { NodeClient } from './support/client-node.js';
import { deskPath } from './support/client-node-gateway.js';
import { DeskProcess } from './support/client-node-process.js';

/** Each test waits for several processes. */
vi.setConfig({ testTimeout: 90_000 });

it('outlives a server that is killed: what waits arrives once and in order at the next, and nothing is repeated', async () => {
  await using first = await DeskProcess.start();
  await using address = await FaultProxy.start(first.port);
  using node = await NodeClient.open(address.url(deskPath));
  const { client } = node;
  expect(client.emit('note', 'before')).toBe(true);
  expect(await first.script.line('note')).toBe('"before"');
  const inFlight = client.request('never', 'in flight');
  expect(await first.script.line('never')).toBe('"in flight"');

  address.leadTo(undefined);
  first.script.signal('SIGKILL');
  await expect(inFlight).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(await node.change('waiting')).toMatchObject({ from: 'open', cause: 'network', code: 1006, attempts: 0 });

  for (let i = 0; i < 50; i++) expect(client.emit('note', i)).toBe(true);
  const waiting = client.request('echo', 'still waiting', { timeoutMs: 60_000 });
  expect(client.emit('note', 'last')).toBe(true);
  expect(client.queuedMessages).toBe(52);
  // Nobody is there for a while.
  expect((await node.change('waiting')).attempts).toBe(1);

  await using second = await DeskProcess.start();
  address.leadTo(second.port);
  await node.change('open');
  expect(await waiting).toBe('still waiting');
  const notes: string[] = [];
  while (notes.at(-1) !== '"last"') notes.push(await second.script.line('note'));
  expect(notes).toEqual([...Array.from({ length: 50 }, (_, i) => String(i)), '"last"']);
  expect(client.queuedMessages).toBe(0);
  expect(client.droppedMessages).toBe(0);
});

it('gives what its listeners send on return the way ahead of what waited', async () => {
  await using first = await DeskProcess.start();
  await using address = await FaultProxy.start(first.port);
  using node = await NodeClient.open(address.url(deskPath));
  node.client.on('$state', ({ to }) => {
    if (to === 'open') node.client.emit('note', 'here I am');
  });
  address.leadTo(undefined);
  first.script.signal('SIGKILL');
  await node.change('waiting');
  node.client.emit('note', 'what waited');

  await using second = await DeskProcess.start();
  address.leadTo(second.port);
  expect(await second.script.line('note')).toBe('"here I am"');
  expect(await second.script.line('note')).toBe('"what waited"');
});
