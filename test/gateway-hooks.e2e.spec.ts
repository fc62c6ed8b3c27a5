import {
  ForbiddenException,
  NotFoundException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry, Endpoint } from '@holdfast/gateway';
import { ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Calls, errorData, expectNoCrash, Fenced, gate, serve, untilQuiet, untilRead } from './support/dispatch.js';

expectNoCrash();

const connectors = {
  plain: (url: string) => TestClient.connect(url),
  SDK: (url: string) => TestClient.connectSdk(url),
};

describe.each(['plain', 'SDK'] as const)('a handleConnection that fails, for a %s client (PROTOCOL 6.4)', (mode) => {
  const failing: [how: string, fail: () => unknown, code: string, close: number][] = [
    [
      'throws',
      () => {
        throw new Error('secret of the hook');
      },
      'INTERNAL',
      4500,
    ],
    ['rejects', () => Promise.reject(new Error('secret of the hook')), 'INTERNAL', 4500],
    [
      'rejects later',
      async () => {
        await Promise.resolve();
        throw new NotFoundException('no such room');
      },
      'NOT_FOUND',
      4500,
    ],
    [
      'throws a WsException',
      () => {
        throw new WsException({ code: 'FULL', message: 'the room is full' });
      },
      'FULL',
      4500,
    ],
    [
      'throws Unauthorized',
      () => {
        throw new UnauthorizedException('who?');
      },
      'UNAUTHORIZED',
      4401,
    ],
    [
      'throws Forbidden',
      () => {
        throw new ForbiddenException('not you');
      },
      'FORBIDDEN',
      4403,
    ],
    [
      'throws Unavailable',
      () => {
        throw new ServiceUnavailableException('back soon');
      },
      'UNAVAILABLE',
      1013,
    ],
  ];

  it.each(failing)('%s: $error and a close', async (_how, fail, code, close) => {
    const handled: unknown[] = [];
    const gone = gate();
    @WebSocketGateway({ path: '/fails' })
    class FailingGateway extends Fenced {
      handleConnection(): unknown {
        return fail();
      }

      handleDisconnect(): void {
        gone.open();
      }

      @SubscribeMessage('note')
      note(@MessageBody() data: unknown): void {
        handled.push(data);
      }
    }
    @WebSocketGateway({ path: '/works' })
    class WorkingGateway extends Fenced {}

    await using served = await serve([FailingGateway, WorkingGateway]);
    await using other = await TestClient.connect(served.url('/works'));
    await using client = await connectors[mode](served.url('/fails'));
    const frame = await client.next();
    expect(frame).toEqual({ event: '$error', data: errorData(code) });
    expect(JSON.stringify(frame)).not.toContain('secret');
    const closed = await client.closed;
    expect(closed.code).toBe(close);
    expect(closed.reason).not.toContain('secret');
    await gone.promise;
    expect(handled).toEqual([]);
    expect(await untilQuiet(other)).toEqual([]);
    const logged = served.log.of('error').filter((line) => line.includes('secret of the hook'));
    expect(logged).toHaveLength(code === 'INTERNAL' ? 1 : 0);
  });

  it('never settles: CONNECT_TIMEOUT', async () => {
    const clock = new ManualClock();
    const started = gate<Connection>();
    const hook = gate();
    const handled: unknown[] = [];
    @WebSocketGateway({ path: '/hangs' })
    class HangingGateway extends Fenced {
      async handleConnection(connection: Connection): Promise<void> {
        started.open(connection);
        await hook.promise;
      }

      @SubscribeMessage('note')
      note(@MessageBody() data: unknown): void {
        handled.push(data);
      }
    }
    await using served = await serve([HangingGateway], { clock, options: { lifecycle: { connectTimeoutMs: 2_000 } } });
    await using client = await connectors[mode](served.url('/hangs'));
    const connection = await started.promise;
    client.send({ event: 'note', data: 1 });
    await untilRead(client);
    clock.advance(1_999);
    expect(connection.state).toBe('admitting');
    clock.advance(300);
    expect(await client.next()).toEqual({ event: '$error', data: errorData('HANDLER_TIMEOUT') });
    expect((await client.closed).code).toBe(4505);
    expect(connection.cause).toMatchObject({ code: 4505, name: 'CONNECT_TIMEOUT', initiator: 'server' });
    // What comes of it later brings nothing back to life, and its error is told to the log.
    hook.fail(new Error('late and wrong'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(handled).toEqual([]);
    expect(served.log.of('error').filter((line) => line.includes('late and wrong'))).toHaveLength(1);
  });
});

it('a handleConnection that rejects after its client has left is logged', async () => {
  const hook = gate();
  const started = gate();
  const gone = gate();
  @WebSocketGateway({ path: '/slow' })
  class SlowGateway {
    async handleConnection(): Promise<void> {
      started.open();
      await hook.promise;
    }

    handleDisconnect(): void {
      gone.open();
    }
  }
  await using served = await serve([SlowGateway]);
  await using client = await TestClient.connect(served.url('/slow'));
  await started.promise;
  await client.close();
  await gone.promise;
  hook.fail(new Error('late and wrong'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(served.get(ConnectionRegistry).size).toBe(0);
  expect(served.log.of('error').filter((line) => line.includes('late and wrong'))).toHaveLength(1);
});

it('the first of several hooks that fails decides, and the others are told to the log', async () => {
  const decided = gate();
  @WebSocketGateway({ path: '/both' })
  class FirstGateway {
    async handleConnection(): Promise<void> {
      throw new ForbiddenException('the first says no');
    }
  }
  @WebSocketGateway({ path: '/both' })
  class SecondGateway {
    async handleConnection(): Promise<void> {
      await decided.promise;
      throw new Error('the second, too');
    }
  }
  await using served = await serve([FirstGateway, SecondGateway]);
  await using client = await TestClient.connect(served.url('/both'));
  expect((await client.next()).data).toMatchObject({ code: 'FORBIDDEN', message: 'the first says no' });
  expect((await client.closed).code).toBe(4403);
  decided.open();
  await new Promise((resolve) => setImmediate(resolve));
  expect(served.log.of('error').filter((line) => line.includes('the second, too'))).toHaveLength(1);
});

describe('a handleDisconnect that fails', () => {
  it.each<[how: string, fail: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret of the goodbye');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret of the goodbye'))],
  ])('%s: it is logged, and nobody else is disturbed', async (_how, fail) => {
    const calls = new Calls<string>();
    @WebSocketGateway({ path: '/leave' })
    class LeavingGateway extends Fenced {
      handleDisconnect(): unknown {
        calls.add('first');
        return fail();
      }
    }
    @WebSocketGateway({ path: '/leave' })
    class OtherGateway {
      handleDisconnect(): void {
        calls.add('second');
      }
    }
    await using served = await serve([LeavingGateway, OtherGateway]);
    await using leaving = await TestClient.connect(served.url('/leave'));
    await using staying = await TestClient.connect(served.url('/leave'));
    await leaving.close();
    await calls.called(2);
    expect(new Set(calls.seen)).toEqual(new Set(['first', 'second']));
    expect(await untilQuiet(staying)).toEqual([]);
    expect(served.log.of('error').filter((line) => line.includes('secret of the goodbye'))).toHaveLength(1);
  });
});

describe('afterInit', () => {
  it.each<[how: string, fail: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    [
      'rejects later',
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('no database');
      },
    ],
  ])('that %s fails the boot', async (_how, fail) => {
    @WebSocketGateway({ path: '/init' })
    class InitGateway {
      afterInit(): unknown {
        return fail();
      }
    }
    await expect(serve([InitGateway])).rejects.toThrow('no database');
  });

  it('is waited for, and gets the endpoint', async () => {
    const steps: unknown[] = [];
    @WebSocketGateway({ path: '/init' })
    class InitGateway {
      async afterInit(server: unknown): Promise<void> {
        expect(server).toBeInstanceOf(Endpoint);
        await new Promise((resolve) => setImmediate(resolve));
        steps.push('ready');
      }
    }
    await using served = await serve([InitGateway]);
    steps.push('listening');
    await using client = await TestClient.connect(served.url('/init'));
    expect(await untilRead(client)).toEqual([]);
    expect(steps).toEqual(['ready', 'listening']);
  });
});
