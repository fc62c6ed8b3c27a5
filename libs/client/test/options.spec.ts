import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, createClient, HoldfastError } from '../src/index.js';
import { World } from './support/world.js';

const { WebSocket } = new World();

/** What the error of a client that cannot be made says. */
function refusal(options: object, url: string | URL = 'wss://example.test'): string {
  try {
    createClient(url, { WebSocket, ...options });
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'BAD_OPTION') return error.message;
    throw error;
  }
  return 'none';
}

/** Where a client goes. */
function addressOf(url: string | URL): string {
  const world = new World();
  createClient(url, { WebSocket: world.WebSocket, ports: world.ports }).connect();
  return world.socket.url;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('options that cannot be used are refused by name', () => {
  const amounts: [string, (value: unknown) => object][] = [
    ['connectTimeoutMs', (connectTimeoutMs) => ({ connectTimeoutMs })],
    ['requestTimeoutMs', (requestTimeoutMs) => ({ requestTimeoutMs })],
    ['firstMs', (firstMs) => ({ backoff: { firstMs } })],
    ['maxMs', (maxMs) => ({ backoff: { maxMs } })],
    ['maxAttempts', (maxAttempts) => ({ backoff: { maxAttempts } })],
    ['stableMs', (stableMs) => ({ backoff: { stableMs } })],
    ['maxMessages', (maxMessages) => ({ outbox: { maxMessages } })],
    ['maxBytes', (maxBytes) => ({ outbox: { maxBytes } })],
  ];

  it.each(amounts)('%s: a number, 0 or more, or left to its default', (name, options) => {
    for (const bad of [-1, NaN, -Infinity, '5', {}, true]) {
      expect(refusal(options(bad))).toBe(`${name} must be a number, 0 or more`);
    }
    for (const good of [0, 1, 2.5, Infinity, undefined]) expect(refusal(options(good))).toBe('none');
  });

  it.each([
    [{ timeout: 5 }, 'timeout'],
    [{ url: 'wss://example.test' }, 'url'],
    [{ canRenewToken: true }, 'canRenewToken'],
    [{ toString: 1 }, 'toString'],
    [{ backoff: { retries: 5 } }, 'retries'],
    [{ outbox: { size: 5 } }, 'size'],
    [{ requestTimeout: undefined }, 'requestTimeout'],
  ])('one that there is not: %j', (options, name) => {
    expect(refusal(options)).toBe(`${name} is not an option`);
  });

  it('overflow', () => {
    const rule = "overflow must be 'refuse' or 'drop-oldest'";
    for (const overflow of ['drop', '', 1]) expect(refusal({ outbox: { overflow } })).toBe(rule);
    for (const overflow of ['refuse', 'drop-oldest', undefined]) expect(refusal({ outbox: { overflow } })).toBe('none');
  });

  it('WebSocket, where the platform has none', () => {
    vi.stubGlobal('WebSocket', undefined);
    expect(refusal({ WebSocket: undefined })).toBe(
      'WebSocket must be given where the platform has none: install ws and pass its WebSocket',
    );
  });

  it.each([[''], ['chat'], ['/chat'], ['://'], ['ftp://example.test'], ['about:blank'], ['wss://']])(
    'url: %j',
    (url) => {
      const rule = 'url must be an address of the scheme ws, wss, http or https; on a page, a path will do';
      expect(refusal({}, url)).toBe(rule);
    },
  );

  it('at once, before anything is opened', () => {
    const world = new World();
    expect(refusal({ WebSocket: world.WebSocket, requestTimeoutMs: -1 })).toContain('requestTimeoutMs');
    expect(world.sockets).toEqual([]);
  });
});

describe('the address', () => {
  it.each([
    ['wss://example.test/chat?room=1', 'wss://example.test/chat?room=1'],
    ['ws://example.test', 'ws://example.test/'],
    ['https://example.test/chat', 'wss://example.test/chat'],
    ['http://example.test:8080/', 'ws://example.test:8080/'],
    ['wss://example.test/chat#part', 'wss://example.test/chat'],
  ])('%s leads to %s', (url, expected) => {
    expect(addressOf(url)).toBe(expected);
    expect(addressOf(new URL(url))).toBe(expected);
  });

  it.each([
    ['/chat', 'wss://shop.test/chat'],
    ['live', 'wss://shop.test/a/live'],
    ['//other.test/chat', 'wss://other.test/chat'],
    ['ws://plain.test', 'ws://plain.test/'],
  ])('on a page may be a path: %s leads to %s', (url, expected) => {
    vi.stubGlobal('location', new URL('https://shop.test/a/page.html?q=1'));
    expect(addressOf(url)).toBe(expected);
  });
});

describe('the platform’s own WebSocket', () => {
  it('is used where there is one', () => {
    const world = new World();
    vi.stubGlobal('WebSocket', world.WebSocket);
    createClient('wss://example.test', { ports: world.ports }).connect();
    expect(world.sockets).toHaveLength(1);
  });
});

describe('an application that misbehaves', () => {
  it('with a comesBack that throws is taken for a no, and the error reported', () => {
    const reports: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (report: () => void) => reports.push(report));
    const world = new World();
    const options: ClientOptions = {
      comesBack: () => {
        throw new Error('oops');
      },
    };
    const tested = world.client(options).open();
    world.socket.end(3000);
    expect(tested.client.state).toBe('closed');
    expect(reports).toHaveLength(1);
    expect(reports[0]).toThrow('oops');
  });
});
