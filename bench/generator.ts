/** Makes the load, in a process of its own so that it does not count. */
import { once } from 'node:events';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { visit } from './visitors.js';
import { benchToken, type Order } from './wire.js';

type EchoOrder = Extract<Order, { kind: 'echo' }>;
type Place = Pick<EchoOrder, 'port' | 'socketIo' | 'token'>;

/** One client, whatever it speaks. */
interface Client {
  send(n: number, withId: boolean): void;
  onReply(callback: () => void): void;
  end(): Promise<void>;
}

const text = 'a message of usual length, as people send';
let held: Client[] = [];
/** Made so far. */
let tokens = 0;
/** Messages that the held clients have received. */
let received = 0;
let awaited: { total: number; resolve: () => void } | undefined;

function noteReceived(): void {
  if (!awaited || received < awaited.total) return;
  awaited.resolve();
  awaited = undefined;
}

async function connect(place: Place): Promise<Client> {
  return place.socketIo ? connectSocketIo(place) : connectWs(place);
}

async function connectWs({ port, token }: Place): Promise<Client> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, {
    perMessageDeflate: false,
    headers: { authorization: `Bearer ${token}` },
  });
  await once(ws, 'open');
  let replied = (): void => undefined;
  ws.on('message', () => {
    replied();
  });
  return {
    send: (n, withId) => {
      ws.send(`{"event":"echo",${withId ? `"id":${n},` : ''}"data":{"text":"${text}","n":${n}}}`);
    },
    onReply: (callback) => {
      replied = callback;
    },
    end: () => endOf(ws),
  };
}

async function endOf(ws: WebSocket): Promise<void> {
  const closed = once(ws, 'close');
  ws.terminate();
  await closed;
}

async function connectSocketIo({ port }: Place): Promise<Client> {
  const socket: Socket = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  });
  await new Promise<void>((resolve) => socket.on('connect', resolve));
  let replied = (): void => undefined;
  socket.onAny(() => {
    replied();
  });
  return {
    send: (n) => {
      socket.emit('echo', { text, n }, () => {
        replied();
      });
    },
    onReply: (callback) => {
      replied = callback;
    },
    end: () => {
      socket.close();
      return Promise.resolve();
    },
  };
}

/** Where the room stands, as the last client was told. */
let position = { room: 'crowd', epoch: '', offset: 0 };

/** A client that presents what it had before so many publications, and is there when it has them all. */
async function comeBack({ port, token, missed }: Extract<Order, { kind: 'return' }>): Promise<Client> {
  const headers = { authorization: `Bearer ${token}` };
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, ['holdfast.v1.json'], { perMessageDeflate: false, headers });
  await once(ws, 'open');
  let replied = (): void => undefined;
  let left = missed;
  const arrived = new Promise<void>((resolve) => {
    ws.on('message', (message: Buffer) => {
      replied();
      if (message.includes('"$joined"')) {
        // Written by a server of ours.
        const { data } = JSON.parse(message.toString()) as { data: { epoch: string; top: number } };
        position = { room: 'crowd', epoch: data.epoch, offset: data.top };
        if (left === 0) resolve();
      } else if (message.includes('"price"') && --left === 0) resolve();
    });
  });
  const { epoch, offset } = position;
  const positions = missed === 0 ? [] : [{ room: 'crowd', epoch, offset: offset - missed }];
  ws.send(JSON.stringify({ event: '$hello', data: { session: null, positions } }));
  await arrived;
  return {
    send: () => undefined,
    onReply: (callback) => {
      replied = callback;
    },
    end: () => endOf(ws),
  };
}

async function holdReturning(order: Extract<Order, { kind: 'return' }>): Promise<void> {
  received = 0;
  while (held.length < order.connections) {
    const batch = Math.min(100, order.connections - held.length);
    held.push(...(await Promise.all(Array.from({ length: batch }, () => comeBack(order)))));
  }
  for (const client of held) {
    client.onReply(() => {
      received++;
      noteReceived();
    });
  }
}

async function connectMany(place: Place, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  // In batches: the point is not to overflow the listen queue.
  while (clients.length < count) {
    const batch = Math.min(100, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => connect(place)))));
  }
  return clients;
}

function drive(clients: readonly Client[], { inFlight, messages, withId }: EchoOrder): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let received = 0;
    const next = (client: Client): void => {
      if (sent < messages) client.send(sent++, withId);
    };
    for (const client of clients) {
      client.onReply(() => {
        if (++received === messages) resolve();
        next(client);
      });
      for (let n = 0; n < inFlight; n++) next(client);
    }
  });
}

async function obey(order: Order): Promise<void> {
  if (order.kind === 'receive') {
    await new Promise<void>((resolve) => {
      awaited = { total: order.total, resolve };
      noteReceived();
    });
  } else if (order.kind === 'release') {
    await Promise.all(held.map((client) => client.end()));
    held = [];
  } else if (order.kind === 'return') {
    await holdReturning(order);
  } else if (order.kind === 'hold') {
    received = 0;
    held = await connectMany(order, order.connections);
    for (const client of held) {
      client.onReply(() => {
        received++;
        noteReceived();
      });
    }
  } else if (order.kind === 'visit') {
    await visit(order);
  } else if (order.kind === 'echo') {
    await drive(held, order);
  } else {
    for (let done = 0; done < order.count; done += 20) {
      const token = order.ownTokens ? undefined : order.token;
      const clients = await Promise.all(
        Array.from({ length: 20 }, async () => connect({ ...order, token: token ?? (await benchToken(++tokens)) })),
      );
      await Promise.all(clients.map((client) => client.end()));
    }
  }
}

process.on('message', (order: Order) => {
  void obey(order).then(() => process.send?.({ done: true }));
});
process.send?.({ ready: true });
