import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Concurrent, type Connection } from '@holdfast/gateway';
import { encodeFrame, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Calls, expectNoCrash, Fenced, gate, type Gate, serve, untilRead } from './support/dispatch.js';

expectNoCrash();

/** Handlers that begin when it is their turn and end when the test says so. */
class Steps {
  readonly started = new Calls<number>();
  readonly #gates = new Map<number, Gate<void>>();

  async take(step: number): Promise<number> {
    this.started.add(step);
    await this.#gate(step).promise;
    return step;
  }

  finish(...steps: number[]): void {
    for (const step of steps) this.#gate(step).open();
  }

  #gate(step: number): Gate<void> {
    const known = this.#gates.get(step) ?? gate();
    this.#gates.set(step, known);
    return known;
  }
}

async function replies(client: TestClient, count: number): Promise<unknown[]> {
  const ids: unknown[] = [];
  while (ids.length < count) ids.push((await client.next('$reply')).id);
  return ids;
}

describe('messages before the connection hooks have finished (PROTOCOL 2.6)', () => {
  function slowToConnect() {
    const hook = gate();
    const steps: unknown[] = [];
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway extends Fenced {
      async handleConnection(connection: Connection): Promise<void> {
        await hook.promise;
        connection.data['user'] = 'ada';
        steps.push('connected');
      }

      @SubscribeMessage('note')
      note(@MessageBody() data: unknown): unknown {
        steps.push(data);
        return data;
      }
    }
    return { hook, steps, SlowGateway };
  }

  it('wait for an async handleConnection, and none is lost', async () => {
    const { hook, steps, SlowGateway } = slowToConnect();
    await using served = await serve([SlowGateway]);
    await using client = await TestClient.connect(served.url('/slow'));
    for (const id of [1, 2, 3]) client.send({ event: 'note', data: `note ${id}`, id });
    expect(await untilRead(client)).toEqual([]);
    expect(steps).toEqual([]);

    hook.open();
    expect(await replies(client, 3)).toEqual([1, 2, 3]);
    expect(steps).toEqual(['connected', 'note 1', 'note 2', 'note 3']);
  });

  it('wait also when they come in the same packet as the handshake', async () => {
    const { hook, steps, SlowGateway } = slowToConnect();
    await using served = await serve([SlowGateway]);
    const frames = [
      { event: 'note', data: 'early 1', id: 1 },
      { event: 'note', data: 'early 2', id: 2 },
      { event: 'nobody listens to this', id: 3 },
    ];
    const answer = await rawUpgrade(served.url('/slow'), {
      writeAfter: Buffer.concat(frames.map((frame) => encodeFrame({ payload: JSON.stringify(frame) }))),
    });
    if (!answer.upgraded) throw new Error(answer.body);
    const next = async (): Promise<unknown> => JSON.parse((await answer.frames.next()).payload.toString());

    // The third does not wait for a turn, so the first two have arrived.
    expect(await next()).toMatchObject({ event: '$error', id: 3, data: { code: 'UNKNOWN_EVENT' } });
    expect(steps).toEqual([]);
    hook.open();
    expect(await next()).toEqual({ event: '$reply', id: 1, data: 'early 1' });
    expect(await next()).toEqual({ event: '$reply', id: 2, data: 'early 2' });
    expect(steps).toEqual(['connected', 'early 1', 'early 2']);
    answer.socket.destroy();
  });

  it('wait for the hooks of every gateway on the path', async () => {
    const { hook, steps, SlowGateway } = slowToConnect();
    const other = gate();
    @WebSocketGateway({ path: '/slow' })
    class OtherGateway {
      async handleConnection(): Promise<void> {
        await other.promise;
        steps.push('the other');
      }
    }
    await using served = await serve([SlowGateway, OtherGateway]);
    await using client = await TestClient.connect(served.url('/slow'));
    client.send({ event: 'note', data: 'note', id: 1 });
    hook.open();
    expect(await untilRead(client)).toEqual([]);
    expect(steps).toEqual(['connected']);
    other.open();
    expect(await replies(client, 1)).toEqual([1]);
    expect(steps).toEqual(['connected', 'the other', 'note']);
  });
});

describe('the order of one connection (PROTOCOL 11.1)', () => {
  function stepByStep() {
    const steps = new Steps();
    @WebSocketGateway({ path: '/steps' })
    class StepGateway {
      @SubscribeMessage('step')
      step(@MessageBody() step: number): Promise<number> {
        return steps.take(step);
      }

      @Concurrent(2)
      @SubscribeMessage('pair')
      pair(@MessageBody() step: number): Promise<number> {
        return steps.take(step);
      }
    }
    return { steps, StepGateway };
  }

  it('is kept although later handlers would be done earlier', async () => {
    const { steps, StepGateway } = stepByStep();
    await using served = await serve([StepGateway]);
    await using client = await TestClient.connect(served.url('/steps'));
    for (const id of [1, 2, 3, 4]) client.send({ event: 'step', data: id, id });
    // In the order in which handlers of 10, 50, 150 and 300 ms would be done.
    steps.finish(2, 4, 3);
    expect(await untilRead(client)).toEqual([]);
    expect(steps.started.seen).toEqual([1]);
    steps.finish(1);
    expect(await replies(client, 4)).toEqual([1, 2, 3, 4]);
    expect(steps.started.seen).toEqual([1, 2, 3, 4]);
  });

  it('holds nobody up on another connection', async () => {
    const { steps, StepGateway } = stepByStep();
    await using served = await serve([StepGateway]);
    await using slow = await TestClient.connect(served.url('/steps'));
    await using quick = await TestClient.connect(served.url('/steps'));
    slow.send({ event: 'step', data: 1, id: 1 });
    await steps.started.called(1);
    steps.finish(2);
    expect((await quick.request('step', 2)).data).toBe(2);
    steps.finish(1);
    expect(await replies(slow, 1)).toEqual([1]);
  });

  it('is given up by @Concurrent(n), and then n run at once and no more', async () => {
    const { steps, StepGateway } = stepByStep();
    await using served = await serve([StepGateway]);
    await using client = await TestClient.connect(served.url('/steps'));
    for (const id of [1, 2, 3, 4]) client.send({ event: 'pair', data: id, id });
    expect(await untilRead(client)).toEqual([]);
    expect(steps.started.seen).toEqual([1, 2]);
    steps.finish(2);
    expect(await replies(client, 1)).toEqual([2]);
    expect(steps.started.seen).toEqual([1, 2, 3]);
    steps.finish(3);
    expect(await replies(client, 1)).toEqual([3]);
    steps.finish(4);
    expect(await replies(client, 1)).toEqual([4]);
    steps.finish(1);
    expect(await replies(client, 1)).toEqual([1]);
  });

  it('is kept for those in order beside concurrent ones, and all begin in the order they came', async () => {
    const { steps, StepGateway } = stepByStep();
    await using served = await serve([StepGateway]);
    await using client = await TestClient.connect(served.url('/steps'));
    for (const [id, event] of ['pair', 'step', 'pair', 'step', 'pair'].entries()) {
      client.send({ event, data: id, id });
    }
    expect(await untilRead(client)).toEqual([]);
    // The second in order has to wait for the first, and everything behind it waits with it.
    expect(steps.started.seen).toEqual([0, 1, 2]);
    steps.finish(0);
    expect(await replies(client, 1)).toEqual([0]);
    expect(steps.started.seen).toEqual([0, 1, 2]);
    steps.finish(1);
    expect(await replies(client, 1)).toEqual([1]);
    expect(steps.started.seen).toEqual([0, 1, 2, 3, 4]);
    steps.finish(4, 3, 2);
    expect(new Set(await replies(client, 3))).toEqual(new Set([2, 3, 4]));
  });

  it('is given up by @Concurrent(n) on the class for each of its handlers', async () => {
    const steps = new Steps();
    @Concurrent(2)
    @WebSocketGateway({ path: '/class' })
    class ConcurrentGateway {
      @SubscribeMessage('a')
      a(@MessageBody() step: number): Promise<number> {
        return steps.take(step);
      }

      @Concurrent(1)
      @SubscribeMessage('b')
      b(@MessageBody() step: number): Promise<number> {
        return steps.take(step);
      }
    }
    await using served = await serve([ConcurrentGateway]);
    await using client = await TestClient.connect(served.url('/class'));
    for (const [id, event] of ['a', 'a', 'b', 'b', 'a'].entries()) client.send({ event, data: id, id });
    expect(await untilRead(client)).toEqual([]);
    expect(steps.started.seen).toEqual([0, 1, 2]);
    steps.finish(2);
    expect(await replies(client, 1)).toEqual([2]);
    // The limit of `a` is used up, that of `b` is its own.
    expect(steps.started.seen).toEqual([0, 1, 2, 3]);
    steps.finish(0);
    expect(await replies(client, 1)).toEqual([0]);
    await steps.started.called(5);
    steps.finish(1, 3, 4);
    expect(new Set(await replies(client, 3))).toEqual(new Set([1, 3, 4]));
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])('cannot be given up by @Concurrent(%s)', (limit) => {
    expect(() => Concurrent(limit)).toThrow(RangeError);
  });
});
