import { createClient } from '@holdfast/client';
import { WebSocket } from 'ws';

interface Events {
  server: object;
  client: { echo(data: string): string };
}

const [, , url] = process.argv;

const chat = createClient<Events>(`${url}/chat`, { WebSocket });
chat.connect();
const reply: string = await chat.request('echo', 'hi');
console.log(`replied ${reply}`);
chat.close();

const vault = createClient(`${url}/vault`, { WebSocket });
vault.on('$state', ({ to, error }) => {
  if (to === 'failed') console.log(`failed ${error?.code}`);
});
vault.connect();
