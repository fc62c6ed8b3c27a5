import { HoldfastModule } from '@holdfast/gateway';
import { FaultProxy, type HoldfastTestApp } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { boot, onlyConnection } from './support/boot.js';
import { NodeClient, nextEvent } from './support/client-node.js';
import { DeskGateway, deskOptions, deskPath } from './support/client-node-gateway.js';

const drainWindowMs = 1_500;

function startDesk(): Promise<HoldfastTestApp> {
  const holdfast = HoldfastModule.forRoot({ ...deskOptions, lifecycle: { drainWindowMs } });
  return boot({ holdfast, providers: [DeskGateway] });
}

it('moves to another server within the window that the one it leaves has named, with what it sends meanwhile', async () => {
  await using old = await startDesk();
  await using next = await startDesk();
  await using address = await FaultProxy.start(old.port);
  using node = await NodeClient.open(address.url(deskPath));
  const { client } = node;
  const announced = nextEvent(client, '$drain');
  const notes: unknown[] = [];
  next.app.get(DeskGateway).tell = (_what, data) => notes.push(data);

  address.leadTo(next.port);
  const leaving = Date.now();
  const closing = old.close();
  const { retryAfterMs, windowMs, reason } = await announced;
  expect({ windowMs, reason }).toEqual({ windowMs: drainWindowMs, reason: 'service restart' });
  const left = await node.change('waiting');
  const leftBy = Date.now();
  expect(left).toMatchObject({ from: 'open', cause: 'server', code: 1012, reason: 'service restart', attempts: 0 });
  expect(left.nextAttemptAt).toBeGreaterThanOrEqual(leaving + retryAfterMs);
  expect(left.nextAttemptAt).toBeLessThanOrEqual(leftBy + retryAfterMs + windowMs);
  for (let i = 0; i < 10; i++) expect(client.emit('note', i)).toBe(true);
  const answer = client.request('echo', 'moved');
  await closing;

  expect(await node.change('open')).toMatchObject({ attempts: 1 });
  expect(await answer).toBe('moved');
  expect(notes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  // Timers count from the start of their turn, and may be early by that.
  expect(onlyConnection(next).joinedAt).toBeGreaterThan((left.nextAttemptAt ?? NaN) - 50);
  expect(address.counts.accepted).toBe(2);
});

it('moves a crowd at different times, and nobody twice', async () => {
  await using old = await startDesk();
  await using next = await startDesk();
  await using address = await FaultProxy.start(old.port);
  const nodes = await Promise.all(Array.from({ length: 30 }, () => NodeClient.open(address.url(deskPath))));
  address.leadTo(next.port);
  const leaving = Date.now();
  const closing = old.close();
  const changes = await Promise.all(nodes.map((node) => node.change('waiting')));
  const leftBy = Date.now();
  await closing;
  await Promise.all(nodes.map((node) => node.change('open')));
  const moments = changes.map(({ code, nextAttemptAt = NaN }) => ({ code, at: nextAttemptAt - leaving }));
  for (const { code, at } of moments) {
    expect(code).toBe(1012);
    expect(at).toBeGreaterThanOrEqual(0);
    // The server gives each its own beginning within the window, and the client adds a part of the window.
    expect(at).toBeLessThanOrEqual(leftBy - leaving + 2 * drainWindowMs);
  }
  expect(new Set(moments.map(({ at }) => Math.round(at / 10))).size).toBeGreaterThan(10);
  expect(address.counts.accepted).toBe(2 * nodes.length);
  for (const node of nodes) node.client.close();
});
