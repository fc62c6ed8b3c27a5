import { EventEmitter, getEventListeners, once } from 'node:events';
import { HoldfastModule } from '@holdfast/gateway';
import type { HoldfastTestApp } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';
import { NodeClient, nextEvent } from './support/client-node.js';
import { DeskGateway, deskOptions, deskPath } from './support/client-node-gateway.js';

const maxPayloadBytes = 1_000;

let app: HoldfastTestApp;
let node: NodeClient;

beforeEach(async () => {
  app = await boot({
    holdfast: HoldfastModule.forRoot({ ...deskOptions, messages: { maxPayloadBytes } }),
    providers: [DeskGateway],
  });
  node = await NodeClient.open(app.url(deskPath));
});

afterEach(async () => {
  node.client.close();
  await app.close();
});

/** The connection is the same, and nothing is held against it. */
async function expectUnharmed(connectionId: string | undefined): Promise<void> {
  expect(await node.client.request('echo', 'still here')).toBe('still here');
  expect(node.client.connectionId).toBe(connectionId);
  expect(node.errors).toEqual([]);
}

describe('PROTOCOL 4.2: a request', () => {
  it.each([
    ['text', 'hello'],
    ['a number', 0],
    ['null', null],
    ['a list', [1, [2]]],
    ['an object', { deep: { text: 'Grüße, 世界 🌍' } }],
  ])('is answered by what the handler returns: %s', async (_what, data) => {
    expect(await node.client.request('echo', data)).toEqual(data);
  });

  it('is answered by null, when the handler returns nothing', async () => {
    expect(await node.client.request('note', 1)).toBeNull();
  });

  it('is answered by the data of a reply under a name of its own, which no listener hears', async () => {
    const heard: unknown[] = [];
    node.client.on('seen', (data) => heard.push(data));
    expect(await node.client.request('look', 'there')).toBe('there');
    expect(heard).toEqual([]);
    // Without somebody who waits for it, it is an event.
    const seen = nextEvent(node.client, 'seen');
    node.client.emit('look', 'here');
    expect(await seen).toBe('here');
  });

  it('is one of many at once, each with its own answer', async () => {
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    expect(await Promise.all(numbers.map((i) => node.client.request('echo', i)))).toEqual(numbers);
  });

  it('rejects with the error of the handler, its code and its details', async () => {
    const refused = node.client.request('refuse');
    const error = { name: 'HoldfastError', code: 'CONFLICT', message: 'Somebody was faster', details: { version: 3 } };
    await expect(refused).rejects.toMatchObject(error);
    await expectUnharmed(node.client.connectionId);
  });

  it('rejects with INTERNAL, and nothing of why, when the handler fails', async () => {
    const failed = node.client.request('break');
    await expect(failed).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(failed).rejects.not.toThrow(/password/);
  });

  it('rejects with UNKNOWN_EVENT when nobody listens to it', async () => {
    await expect(node.client.request('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_EVENT' });
  });
});

describe('PROTOCOL 4.2: a stream', () => {
  it('is told value by value, and answered with the last one', async () => {
    const values: unknown[] = [];
    expect(await node.client.request('count', undefined, { onNext: (value) => values.push(value) })).toBe(3);
    expect(values).toEqual([1, 2, 3]);
  });

  it('is told its values also under names of their own', async () => {
    const values: unknown[] = [];
    const onNext = (value: unknown): unknown => values.push(value);
    expect(await node.client.request('headlines', undefined, { onNext })).toBe('two');
    expect(values).toEqual(['one', 'two']);
  });

  it('rejects with the error that ends it, after its values', async () => {
    const values: unknown[] = [];
    const onNext = (value: unknown): unknown => values.push(value);
    const failed = node.client.request('count and fail', undefined, { onNext });
    await expect(failed).rejects.toMatchObject({ code: 'CONFLICT', message: 'No further' });
    expect(values).toEqual([1, 2]);
  });

  it('may take longer than the timeout once it has begun, and ends with its connection', async () => {
    const begun = new EventEmitter();
    const onNext = (value: unknown): boolean => begun.emit(String(value));
    const second = once(begun, '2');
    const stream = node.client.request('count on', undefined, { timeoutMs: 2_000, onNext });
    const lost = expect(stream).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await second;
    // Longer than the stream was given for its first value.
    const late = node.client.request('never', undefined, { timeoutMs: 2_100 });
    await expect(late).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    await app.close();
    await lost;
  });
});

describe('a request that is given up', () => {
  it('after its timeout rejects with REQUEST_TIMEOUT, and the connection is unharmed', async () => {
    const { connectionId } = node.client;
    const late = node.client.request('never', undefined, { timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    await expectUnharmed(connectionId);
  });

  it('by its signal rejects with ABORTED and the reason, and leaves no listener behind', async () => {
    const controller = new AbortController();
    const reason = new Error('the page was left');
    const given = node.client.request('never', undefined, { signal: controller.signal });
    const answered = node.client.request('echo', 1, { signal: controller.signal });
    expect(await answered).toBe(1);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort(reason);
    await expect(given).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    const never = node.client.request('note', 'never sent', { signal: controller.signal });
    await expect(never).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('by closing the client rejects with CLOSED, whether it was sent or still waits', async () => {
    const begun = new Promise((resolve) => {
      app.app.get(DeskGateway).tell = resolve;
    });
    const sent = node.client.request('never');
    using other = new NodeClient(app.url(deskPath));
    const waiting = other.client.request('echo');
    const outcomes = Promise.allSettled([sent, waiting]);
    await begun;
    node.client.close();
    other.client.close();
    const closed = { status: 'rejected', reason: { name: 'HoldfastError', code: 'CLOSED' } };
    expect(await outcomes).toMatchObject([closed, closed]);
    await expect(node.client.request('echo')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a payload larger than the server takes', () => {
  const tooLarge = 'x'.repeat(maxPayloadBytes);

  it('is refused here, as a request and as a message, and the connection is kept', async () => {
    const { connectionId } = node.client;
    await expect(node.client.request('echo', tooLarge)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(() => node.client.emit('note', tooLarge)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
    // Bytes are what counts, not characters.
    expect(() => node.client.emit('note', '世'.repeat(400))).toThrow('The server takes 1000 bytes');
    await expectUnharmed(connectionId);
  });

  it('is refused when it has waited for a connection, and what waited behind it is sent', async () => {
    using second = new NodeClient(app.url(deskPath));
    expect(second.client.emit('note', tooLarge)).toBe(true);
    const large = second.client.request('echo', tooLarge);
    const small = second.client.request('echo', 'small');
    second.client.connect();
    await expect(large).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await small).toBe('small');
    expect(second.errors).toMatchObject([{ code: 'PAYLOAD_TOO_LARGE' }]);
  });
});
