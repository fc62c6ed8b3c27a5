import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, type DisconnectCause, HoldfastException, HoldfastGateway } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { expectNoCrash, Fenced, gate, serve, untilQuiet, untilRead } from './support/dispatch.js';

expectNoCrash();

describe('hooks of a base class', () => {
  function family() {
    const steps: string[] = [];
    @WebSocketGateway({ path: '/base' })
    class BaseGateway extends Fenced {
      async handleConnection(): Promise<void> {
        await Promise.resolve();
        steps.push(`base of ${this.constructor.name}`);
      }
    }
    @WebSocketGateway({ path: '/calling' })
    class CallingGateway extends BaseGateway {
      override async handleConnection(): Promise<void> {
        await super.handleConnection();
        await Promise.resolve();
        steps.push('own');
      }
    }
    @WebSocketGateway({ path: '/inheriting' })
    class InheritingGateway extends BaseGateway {}
    return { steps, BaseGateway, CallingGateway, InheritingGateway };
  }

  it.each(['base first', 'base last'])('that is a gateway itself run once for each connection, %s', async (order) => {
    const { steps, BaseGateway, CallingGateway, InheritingGateway } = family();
    const gateways = [BaseGateway, CallingGateway, InheritingGateway];
    await using served = await serve(order === 'base first' ? gateways : gateways.reverse());
    for (const [path, expected] of [
      ['/calling', ['base of CallingGateway', 'own']],
      ['/inheriting', ['base of InheritingGateway']],
      ['/base', ['base of BaseGateway']],
    ] as const) {
      steps.length = 0;
      await using client = await TestClient.connect(served.url(path));
      expect(await untilQuiet(client)).toEqual([]);
      // The fence had to wait for the whole hook.
      expect(steps).toEqual(expected);
    }
  });

  it('fail the connection of the subclass', async () => {
    @WebSocketGateway({ path: '/base' })
    class BaseGateway {
      async handleConnection(): Promise<void> {
        throw new HoldfastException('FORBIDDEN', 'the base says no');
      }
    }
    @WebSocketGateway({ path: '/inheriting' })
    class InheritingGateway extends BaseGateway {}
    await using served = await serve([BaseGateway, InheritingGateway]);
    await using client = await TestClient.connect(served.url('/inheriting'));
    expect((await client.closed).code).toBe(4403);
  });
});

it('a hook may be a property', async () => {
  const hook = gate();
  const steps: string[] = [];
  const gone = gate();
  @WebSocketGateway({ path: '/property' })
  class PropertyGateway extends Fenced {
    afterInit = async (): Promise<void> => {
      await Promise.resolve();
      steps.push('init');
    };

    handleConnection = async (): Promise<void> => {
      await hook.promise;
      steps.push('connected');
    };

    handleDisconnect = async (): Promise<void> => {
      gone.open();
      await Promise.resolve();
      throw new Error('secret of the goodbye');
    };
  }
  await using served = await serve([PropertyGateway]);
  await using client = await TestClient.connect(served.url('/property'));
  client.send({ event: 'fence', id: 1 });
  expect(await untilRead(client)).toEqual([]);
  hook.open();
  expect(await client.next()).toEqual({ event: '$reply', id: 1, data: null });
  expect(steps).toEqual(['init', 'connected']);
  await client.close();
  await gone.promise;
});

it('HoldfastGateway has hooks that say what they are for', async () => {
  const steps: unknown[] = [];
  const gone = gate<DisconnectCause>();
  @WebSocketGateway({ path: '/typed' })
  class TypedGateway extends HoldfastGateway<{ name: string }> {
    override onHandshake(connection: Connection<{ name: string }>): void {
      connection.data.name = 'ada';
      steps.push('handshake');
    }

    override async onConnect(connection: Connection<{ name: string }>): Promise<void> {
      await Promise.resolve();
      steps.push(`connect ${connection.data.name}`);
    }

    override onDisconnect(_connection: Connection<{ name: string }>, cause: DisconnectCause): void {
      gone.open(cause);
    }

    @SubscribeMessage('count')
    count(): number {
      return this.connections.size;
    }
  }
  await using served = await serve([TypedGateway]);
  await using client = await TestClient.connect(served.url('/typed'));
  expect((await client.request('count')).data).toBe(1);
  expect(steps).toEqual(['handshake', 'connect ada']);
  await client.close(3001, 'enough');
  expect(await gone.promise).toEqual({ code: 3001, name: 'APPLICATION', reason: 'enough', initiator: 'client' });
});

it('the same gateway class serves several applications of one process', async () => {
  const steps: string[] = [];
  const other = gate();
  @WebSocketGateway({ path: '/twice' })
  class TwiceGateway extends Fenced {
    async handleConnection(): Promise<void> {
      await Promise.resolve();
      steps.push('connected');
    }
  }
  @WebSocketGateway({ path: '/twice' })
  class OtherGateway {
    async handleConnection(): Promise<void> {
      await other.promise;
      steps.push('the other');
    }
  }
  await using first = await serve([TwiceGateway, OtherGateway]);
  await using early = await TestClient.connect(first.url('/twice'));
  expect(await untilRead(early)).toEqual([]);
  await using second = await serve([TwiceGateway, OtherGateway]);
  await using client = await TestClient.connect(second.url('/twice'));
  client.send({ event: 'fence', id: 1 });
  // A hook that was watched twice would count for two.
  expect(await untilRead(client)).toEqual([]);
  other.open();
  expect(await client.next()).toEqual({ event: '$reply', id: 1, data: null });
  expect(steps).toEqual(['connected', 'connected', 'the other', 'the other']);
});
