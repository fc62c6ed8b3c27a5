import { expect, it, vi } from 'vitest';
import { boot } from './support/boot.js';
import { CycleProcess } from './support/client-node-census.js';
import { DeskGateway, deskOptions, deskPath } from './support/client-node-gateway.js';

/** A thousand clients, on a machine with a lot else to do. */
vi.setConfig({ testTimeout: 120_000 });

const patient = { timeout: 30_000 };

it('leaves no timer, socket, listener or client behind, in whatever state a thousand of them are closed', async () => {
  await using app = await boot({ options: deskOptions, providers: [DeskGateway] });
  await using clients = await CycleProcess.start(app.url(deskPath));
  // What Node keeps for good once it has been used.
  await clients.cycle(60);
  const clean = { resources: [], abortListeners: 0, uncollected: 0 };
  // The last closes are answered a moment later.
  await expect.poll(() => clients.census(), patient).toMatchObject(clean);
  const { descriptors } = await clients.census();

  const outcomes = await clients.cycle(1_000);
  expect(outcomes).toEqual({
    answered: expect.any(Number) as number,
    REQUEST_TIMEOUT: expect.any(Number) as number,
    CLOSED: expect.any(Number) as number,
  });
  expect(Object.values(outcomes).reduce((sum, each) => sum + each, 0)).toBe(1_060);
  await expect.poll(() => clients.census(), patient).toEqual({ ...clean, descriptors });

  clients.script.write('end');
  await clients.script.end();
  expect(clients.script.exitCode).toBe(0);
});
