import { createClient, type HoldfastClient, HoldfastError, type StateChange } from '@holdfast/client';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startSecuredService, tokenOf } from './support/service.js';

interface Chat {
  server: { said: { name: string; text: string } };
  client: {
    join(data: { room: string }): { connection: string; people: number };
    say(data: { text: string }): unknown;
  };
}

function nextState(client: HoldfastClient<Chat>, to: StateChange['to']): Promise<StateChange> {
  return new Promise((resolve) => {
    const off = client.on('$state', (change) => {
      if (change.to !== to) return;
      off();
      resolve(change);
    });
  });
}

it('talks to the service: joins, hears what it says, and is told what the server refuses', async () => {
  await using app = await startSecuredService();
  const token = await tokenOf('Ada');
  const client = createClient<Chat>(app.url('/live'), { token: () => token, WebSocket });
  const heard = new Promise((resolve) => client.on('said', resolve));
  client.connect();
  const joined = await client.request('join', { room: 'lobby' });
  expect(joined.people).toBe(1);
  expect(client.connectionId).toMatch(new RegExp(`^${joined.connection}`));
  await client.request('say', { text: 'hello' });
  expect(await heard).toMatchObject({ name: 'Ada', text: 'hello' });
  await expect(client.request('say', { text: '' })).rejects.toThrow(HoldfastError);
  const closed = nextState(client, 'closed');
  client.close();
  expect(await closed).toMatchObject({ from: 'open', cause: 'close' });
});
