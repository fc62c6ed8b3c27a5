import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { Ack, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ManualClock, TestClient } from '@holdfast/testing';
import { Subject, tap } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  Calls,
  errorData,
  expectNoCrash,
  Fenced,
  gate,
  type Gate,
  serve,
  untilQuiet,
  untilRead,
} from './support/dispatch.js';

expectNoCrash();

const handlerTimeoutMs = 1_000;
/** Deadlines are looked at in steps, so one is met this much later at most. */
const lateMs = 300;

class Passing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(tap());
  }
}

async function slow(options: { handlerTimeoutMs: number } = { handlerTimeoutMs }) {
  const calls = new Calls<string>();
  const gates = new Map<string, Gate<unknown>>();
  const subject = new Subject<unknown>();
  const acknowledged = gate<(data: unknown) => void>();

  @WebSocketGateway({ path: '/slow' })
  class SlowGateway extends Fenced {
    @SubscribeMessage('wait')
    wait(@MessageBody() name: string): Promise<unknown> {
      const waiting = gate<unknown>();
      gates.set(name, waiting);
      calls.add(name);
      return waiting.promise;
    }

    @SubscribeMessage('ack')
    ack(@Ack() acknowledge: (data: unknown) => void): void {
      acknowledged.open(acknowledge);
    }

    @UseInterceptors(Passing)
    @SubscribeMessage('stream')
    stream(): unknown {
      calls.add('stream');
      return subject;
    }
  }
  const clock = new ManualClock();
  const served = await serve([SlowGateway], { clock, options: { messages: options, heartbeat: { intervalMs: 0 } } });
  return {
    served,
    clock,
    calls,
    gates,
    subject,
    acknowledged,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

const timedOut = (id?: unknown): unknown => ({
  event: '$error',
  ...(id === undefined ? {} : { id }),
  data: errorData('HANDLER_TIMEOUT'),
});

describe('a handler that does not finish (PROTOCOL 4.7)', () => {
  it('is answered HANDLER_TIMEOUT, the next has its turn, and its late result is dropped and counted', async () => {
    await using scene = await slow();
    const { served, clock, calls, gates } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    for (const id of ['first', 'second']) client.send({ event: 'wait', id, data: id });
    await untilRead(client);
    clock.advance(handlerTimeoutMs - 1);
    expect(await untilRead(client)).toEqual([]);
    expect(calls.seen).toEqual(['first']);

    clock.advance(lateMs);
    expect(await client.next()).toEqual(timedOut('first'));
    expect(calls.seen).toEqual(['first', 'second']);
    expect(served.counters.get('error', 'HANDLER_TIMEOUT')).toBe(1);

    gates.get('first')!.open('too late');
    gates.get('second')!.open('in time');
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 'second', data: 'in time' }]);
    expect(served.counters.get('late', 'wait')).toBe(1);
  });

  it('is told of without an id when it was a message', async () => {
    await using scene = await slow();
    const { served, clock, calls } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'wait', data: 'first' });
    await calls.called(1);
    clock.advance(handlerTimeoutMs + lateMs);
    expect(await untilQuiet(client)).toEqual([timedOut()]);
  });

  it('has its late rejection logged, and nobody else hears of it', async () => {
    await using scene = await slow();
    const { served, clock, calls, gates } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'wait', id: 1, data: 'first' });
    await calls.called(1);
    clock.advance(handlerTimeoutMs + lateMs);
    expect(await client.next()).toEqual(timedOut(1));
    gates.get('first')!.fail(new Error('late and wrong'));
    expect(await untilQuiet(client)).toEqual([]);
    expect(served.counters.get('late', 'wait')).toBe(1);
    expect(served.log.of('error').filter((line) => line.includes('late and wrong'))).toHaveLength(1);
  });

  it('has all of its time, although the one before it has used up most of a step of the clock', async () => {
    await using scene = await slow({ handlerTimeoutMs: 50 });
    const { served, clock, calls, gates } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'wait', id: 1, data: 'first' });
    await calls.called(1);
    clock.advance(99);
    gates.get('first')!.open('done');
    expect(await client.next()).toEqual({ event: '$reply', id: 1, data: 'done' });
    client.send({ event: 'wait', id: 2, data: 'second' });
    await calls.called(2);
    clock.advance(1);
    expect(await untilRead(client)).toEqual([]);
    clock.advance(50 + lateMs);
    expect(await untilQuiet(client)).toEqual([timedOut(2)]);
  });

  it('is looked after again when nothing was, for a while', async () => {
    await using scene = await slow();
    const { served, clock, calls, gates } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'wait', id: 1, data: 'first' });
    await calls.called(1);
    gates.get('first')!.open('done');
    await client.next('$reply');
    clock.advance(60_000);
    client.send({ event: 'wait', id: 2, data: 'second' });
    await calls.called(2);
    clock.advance(handlerTimeoutMs - 1);
    expect(await untilRead(client)).toEqual([]);
    clock.advance(lateMs);
    expect(await untilQuiet(client)).toEqual([timedOut(2)]);
  });

  it('is waited for without end where there is no limit', async () => {
    await using scene = await slow({ handlerTimeoutMs: Infinity });
    const { served, clock, calls, gates } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'wait', id: 1, data: 'first' });
    await calls.called(1);
    clock.advance(86_400_000);
    expect(await untilRead(client)).toEqual([]);
    gates.get('first')!.open('at last');
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 1, data: 'at last' }]);
  });

  it('is timed out too when it never acknowledges, and its late acknowledgement is dropped and counted', async () => {
    await using scene = await slow();
    const { served, clock, acknowledged } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'ack', id: 1 });
    const acknowledge = await acknowledged.promise;
    await untilRead(client);
    clock.advance(handlerTimeoutMs + lateMs);
    expect(await client.next()).toEqual(timedOut(1));
    acknowledge('too late');
    expect(await untilQuiet(client)).toEqual([]);
    expect(served.counters.get('late', 'ack')).toBe(1);
  });

  it('is timed out too when its observable has no first value, and is then unsubscribed', async () => {
    await using scene = await slow();
    const { served, clock, subject } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'stream', id: 1 });
    await vi.waitFor(() => {
      expect(subject.observed).toBe(true);
    });
    clock.advance(handlerTimeoutMs + lateMs);
    expect(await client.next()).toEqual(timedOut(1));
    expect(subject.observed).toBe(false);
    subject.next('too late');
    expect(await untilQuiet(client)).toEqual([]);
  });

  it('does not end a stream that has begun', async () => {
    await using scene = await slow();
    const { served, clock, subject } = scene;
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'stream', id: 1 });
    await vi.waitFor(() => {
      expect(subject.observed).toBe(true);
    });
    subject.next('first');
    expect(await client.next()).toEqual({ event: '$next', id: 1, data: 'first' });
    clock.advance(10 * handlerTimeoutMs);
    subject.next('second');
    expect(await untilQuiet(client)).toEqual([{ event: '$next', id: 1, data: 'second' }]);
  });
});
