import { describe, expect, expectTypeOf, it } from 'vitest';
import { type AnyEvents, createClient, type HoldfastClient, HoldfastError, type StateChange } from '../src/index.js';
import { World } from './support/world.js';

interface Said {
  from: string;
  text: string;
}

/** Interfaces, as the documentation shows them: they have no index signature, and none is needed. */
interface ServerEvents {
  said: Said;
  tick: number;
  bye: undefined;
}

interface ChatClientEvents {
  join(data: { room: string }): { people: number };
  whoami(): Promise<string>;
  count(data: { to: number }): number;
  typing(data?: { inRoom: string }): void;
}

interface ChatEvents {
  server: ServerEvents;
  client: ChatClientEvents;
}

function chatClient(): HoldfastClient<ChatEvents> {
  const world = new World();
  return createClient<ChatEvents>('wss://example.test', { WebSocket: world.WebSocket, ports: world.ports });
}

function anyClient(): HoldfastClient {
  const world = new World();
  return createClient('wss://example.test', { WebSocket: world.WebSocket, ports: world.ports });
}

/** Compiled, and never run: what must not compile is marked, and a mark without an error is an error. */
function compiled(what: () => void): void {
  expect(what).toBeTypeOf('function');
}

describe('a client with an event map', () => {
  it('emits the events of the map with their data', () => {
    const client = chatClient();
    compiled(() => {
      expectTypeOf(client.emit('join', { room: 'lobby' })).toEqualTypeOf<boolean>();
      client.emit('whoami');
      client.emit('typing');
      client.emit('typing', { inRoom: 'lobby' });
      // @ts-expect-error -- no such event
      client.emit('leave');
      // @ts-expect-error -- an event of the server
      client.emit('said', { from: 'a', text: 'b' });
      // @ts-expect-error -- without its data
      client.emit('join');
      // @ts-expect-error -- with data of another shape
      client.emit('join', { room: 5 });
      // @ts-expect-error -- with data that it has not
      client.emit('whoami', 'me');
      // @ts-expect-error -- an event of the protocol
      client.emit('$hello');
    });
  });

  it('requests with data and options, and is answered as the map says', () => {
    const client = chatClient();
    const { signal } = new AbortController();
    compiled(() => {
      expectTypeOf(client.request('join', { room: 'lobby' })).toEqualTypeOf<Promise<{ people: number }>>();
      expectTypeOf(client.request('whoami')).toEqualTypeOf<Promise<string>>();
      expectTypeOf(client.request('typing')).toEqualTypeOf<Promise<void>>();
      void client.request('join', { room: 'lobby' }, { timeoutMs: 5, signal });
      void client.request('whoami', undefined, { timeoutMs: 5 });
      void client.request('typing', undefined, { timeoutMs: 5 });
      void client.request('count', { to: 3 }, { onNext: (value) => expectTypeOf(value).toEqualTypeOf<number>() });
      // @ts-expect-error -- no such event
      void client.request('leave');
      // @ts-expect-error -- without its data
      void client.request('join');
      // @ts-expect-error -- with data of another shape
      void client.request('join', { rooms: ['lobby'] });
      // @ts-expect-error -- options in the place of data
      void client.request('whoami', { timeoutMs: 5 });
      // @ts-expect-error -- no such option
      void client.request('join', { room: 'lobby' }, { timeout: 5 });
      // @ts-expect-error -- an option of another type
      void client.request('join', { room: 'lobby' }, { timeoutMs: '5' });
      // @ts-expect-error -- values of another type
      void client.request('count', { to: 3 }, { onNext: (value: string) => value });
      // @ts-expect-error -- an answer of another type
      void client.request('join', { room: 'lobby' }).then((answer: string) => answer);
    });
  });

  it('tells listeners what the map says of the server, and of itself', () => {
    const client = chatClient();
    compiled(() => {
      client.on('said', (data) => expectTypeOf(data).toEqualTypeOf<Said>());
      client.on('tick', (data, envelope) => {
        expectTypeOf(data).toEqualTypeOf<number>();
        expectTypeOf(envelope?.room).toEqualTypeOf<string | undefined>();
      });
      client.on('bye', () => {});
      client.on('$state', (change) => expectTypeOf(change).toEqualTypeOf<StateChange>());
      client.on('$error', (error) => expectTypeOf(error).toEqualTypeOf<HoldfastError>());
      client.on('$drain', ({ windowMs }) => expectTypeOf(windowMs).toEqualTypeOf<number>());
      expectTypeOf(client.on('said', () => {})).toEqualTypeOf<() => void>();
      // @ts-expect-error -- no such event
      client.on('shouted', () => {});
      // @ts-expect-error -- an event of the client
      client.on('join', () => {});
      // @ts-expect-error -- data of another type
      client.on('said', (data: number) => data);
      // @ts-expect-error -- a change is no error
      client.on('$state', (change: HoldfastError) => change);
      // @ts-expect-error -- no such event of the client itself
      client.on('$stat', () => {});
    });
  });
});

describe('a client without an event map', () => {
  it('takes any event with any data, and knows nothing of answers', () => {
    const client = anyClient();
    expectTypeOf(client).toEqualTypeOf<ReturnType<typeof createClient<AnyEvents>>>();
    compiled(() => {
      client.emit('anything');
      client.emit('anything', { at: ['all'] });
      expectTypeOf(client.request('anything', 5)).toEqualTypeOf<Promise<unknown>>();
      void client.request('anything', undefined, { timeoutMs: 5 });
      client.on('anything', (data) => expectTypeOf(data).toEqualTypeOf<unknown>());
      client.on('$state', (change) => expectTypeOf(change).toEqualTypeOf<StateChange>());
      // @ts-expect-error -- no name at all
      client.emit(5);
      // @ts-expect-error -- more than data
      client.emit('anything', 1, 2);
      // @ts-expect-error -- no such option
      void client.request('anything', 5, { timeout: 5 });
      // @ts-expect-error -- what is unknown is no text until somebody has looked
      client.on('anything', (data: string) => data);
    });
  });
});

describe('options', () => {
  it('have the types that they are documented with', () => {
    compiled(() => {
      createClient('wss://example.test', { token: async () => 'abc', backoff: { maxAttempts: Infinity } });
      createClient(new URL('wss://example.test'), { token: 'abc', outbox: { overflow: 'drop-oldest' } });
      // @ts-expect-error -- no such option
      createClient('wss://example.test', { tokens: 'abc' });
      // @ts-expect-error -- no such policy
      createClient('wss://example.test', { outbox: { overflow: 'drop' } });
      // @ts-expect-error -- an amount that is none
      createClient('wss://example.test', { requestTimeoutMs: '10' });
      // @ts-expect-error -- a provider of something else
      createClient('wss://example.test', { token: () => 5 });
      // @ts-expect-error -- no map of events
      createClient<{ server: object }>('wss://example.test');
    });
  });
});

describe('errors', () => {
  it('suggest the codes of the client, and take any', () => {
    compiled(() => {
      const error = new HoldfastError('CLOSED', 'why', { cause: 1, details: 2, retryAfterMs: 3 });
      expectTypeOf(error.code).toExtend<string>();
      expectTypeOf(error.retryAfterMs).toEqualTypeOf<number | undefined>();
      if (error.code === 'CONNECTION_LOST' || error.code === 'MY_OWN') return;
      // @ts-expect-error -- codes are given once
      error.code = 'CLOSED';
    });
  });
});
