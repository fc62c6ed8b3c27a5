import type { HoldfastTestApp } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { boot } from './support/boot.js';
import { NodeClient, nextEvent } from './support/client-node.js';
import { DeskGateway, deskOptions, deskPath } from './support/client-node-gateway.js';

/** Leaves the choice to the client. */
const platform = { WebSocket: undefined };

// Node has a WebSocket of its own from version 22 on.
it('uses the WebSocket of the platform, or says what to do where there is none', async () => {
  await using app = await boot({ options: deskOptions, providers: [DeskGateway] });
  if ('WebSocket' in globalThis) {
    await expectService(app);
    return;
  }
  const error = { name: 'HoldfastError', code: 'BAD_OPTION', message: expect.stringContaining('install ws') as string };
  expect(() => new NodeClient(app.url(deskPath), platform)).toThrow(expect.objectContaining(error));
});

async function expectService(app: HoldfastTestApp): Promise<void> {
  using node = new NodeClient(app.url(deskPath), platform);
  const { client } = node;
  const early = client.request('echo', 'before anything else');
  client.connect();
  expect(await early).toBe('before anything else');
  await expect(client.request('refuse')).rejects.toMatchObject({ code: 'CONFLICT' });
  const values: unknown[] = [];
  await client.request('count', undefined, { onNext: (value) => values.push(value) });
  expect(values).toEqual([1, 2, 3]);
  const drained = nextEvent(client, '$drain');
  await app.close();
  expect(await drained).toMatchObject({ reason: 'service restart' });
  expect(await node.change('waiting')).toMatchObject({ from: 'open', cause: 'server', code: 1012 });
  client.close();
  expect(await node.change('closed')).toMatchObject({ from: 'waiting', cause: 'close' });
}
