import { describe, expect, it } from 'vitest';
import type { TokenProvider } from '../src/index.js';
import { settled, World } from './support/world.js';

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

const throws = (): never => {
  throw new Error('looked at');
};

/** What a provider in JavaScript may give. */
const values: [string, () => unknown][] = [
  ['a BigInt', () => 1n],
  ['an object', () => ({ token: 'abc' })],
  ['an object that holds itself', () => cyclic],
  ['an object whose getter throws', () => Object.defineProperty({}, 'length', { get: throws })],
  ['an object whose toJSON throws', () => ({ toJSON: throws })],
  ['an object that cannot be text', () => ({ toString: throws, [Symbol.toPrimitive]: throws })],
  ['an object whose then throws', () => Object.defineProperty({}, 'then', { get: throws })],
  ['a proxy that throws', () => new Proxy({}, { get: throws, ownKeys: throws })],
  ['a String', () => new String('abc')],
  ['a symbol', () => Symbol('abc')],
  ['a function', () => () => 'abc'],
  ['a number', () => 7],
  ['null', () => null],
  ['an empty string', () => ''],
  ['a string that no server takes', () => 'x'.repeat(8_193)],
  ['a huge string', () => 'x'.repeat(50_000_000)],
  ['a promise of a BigInt', () => Promise.resolve(1n)],
];

// Safe: what the type forbids is what is tested.
const giving = (value: () => unknown): TokenProvider => value as TokenProvider;

describe.each(values)('a token provider that gives %s', (_, value) => {
  it('has failed, and the attempt with it: nothing is sent, nothing is thrown', async () => {
    const world = new World();
    const tested = world.client({ token: giving(value) });
    tested.client.connect();
    await settled();
    expect(tested.last).toMatchObject({ to: 'waiting', cause: 'token', error: { code: 'TOKEN_PROVIDER_FAILED' } });
    expect(tested.last.error?.cause).toBeInstanceOf(Error);
    expect(world.sockets).toEqual([]);
    tested.client.close();
    expect(world.clock.pending).toBe(0);
  });

  it('when the server asks for a fresh one has failed: the application is told, and the connection stays', async () => {
    const world = new World();
    let asked = 0;
    const tested = world.client({ token: giving(() => (++asked === 1 ? 'abc' : value())) });
    tested.client.connect();
    await settled();
    world.socket.welcome().say('$refresh', { expiresInMs: 60_000 });
    await settled();
    expect(tested.errors).toMatchObject([{ code: 'TOKEN_PROVIDER_FAILED' }]);
    expect(world.socket.sent.map(({ event }) => event)).toEqual(['$hello']);
    expect(tested.client.state).toBe('open');
  });
});

describe('the error of a token provider', () => {
  it('says what a token is, and nothing of what was given', async () => {
    const world = new World();
    const tested = world.client({ token: giving(() => ({ secret: 'secret-7f3a' })) });
    tested.client.connect();
    await settled();
    const { cause } = tested.last.error!;
    expect(cause).toEqual(new TypeError('A token is a string of 1 to 8192 characters'));
  });

  it('is none for the longest token that there is', async () => {
    const world = new World();
    const longest = 'x'.repeat(8_192);
    const tested = world.client({ token: () => longest });
    tested.client.connect();
    await settled();
    expect(world.socket.accept().sent).toEqual([{ event: '$hello', data: { token: longest } }]);
    expect(tested.errors).toEqual([]);
  });
});
