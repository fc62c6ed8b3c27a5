import { type CanActivate, type ExecutionContext, Injectable, Scope, type Type, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, HoldfastGateway } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { granted, refused, start } from './support/admission.js';
import { LogRecorder } from './support/log-recorder.js';

describe('a request-scoped gateway', () => {
  it('is one and the same instance for guards, hooks and messages of a connection', async () => {
    let made = 0;

    @Injectable({ scope: Scope.REQUEST })
    class Facts {
      readonly number = ++made;
    }

    @Injectable({ scope: Scope.REQUEST })
    class Guard implements CanActivate {
      constructor(private readonly facts: Facts) {}

      canActivate(context: ExecutionContext): boolean {
        const { data, handshake } = context.switchToWs().getClient<Connection>();
        data['guard'] ??= this.facts.number;
        return !handshake.query.has('no');
      }
    }

    @UseGuards(Guard)
    @WebSocketGateway({ path: '/it' })
    class ScopedGateway extends HoldfastGateway {
      constructor(private readonly facts: Facts) {
        super();
      }

      override onConnect({ data }: Connection): void {
        data['hook'] = this.facts.number;
      }

      @SubscribeMessage('facts')
      all(client: Connection): unknown {
        return { ...client.data, message: this.facts.number };
      }
    }

    const logger = new LogRecorder();
    await using app = await start({ gateways: [ScopedGateway], providers: [Facts, Guard], logger });
    expect(await refused(app.url('/it?no'))).toMatchObject({ status: 403 });
    await using one = await TestClient.connect(app.url('/it'));
    await using two = await TestClient.connect(app.url('/it'));
    const { data } = await one.request('facts');
    const [number] = Object.values(data as Record<string, number>);
    expect(data).toEqual({ guard: number, hook: number, message: number });
    const other = (await two.request('facts')).data;
    expect(new Set(Object.values(other as Record<string, number>)).size).toBe(1);
    expect(other).not.toEqual(data);
    expect(logger.of('error')).toEqual([]);
  });

  it('that cannot be made refuses the client and leaves the process alone', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Broken {
      constructor() {
        throw new Error('hunter2');
      }
    }

    @WebSocketGateway({ path: '/it' })
    class ScopedGateway {
      constructor(readonly broken: Broken) {}
    }

    await using app = await start({ gateways: [ScopedGateway], providers: [Broken] });
    const answer = await refused(app.url('/it'));
    expect(answer).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(answer.body).not.toContain('hunter2');
  });
});

it('several gateways on one path: each of them has to let the client in', async () => {
  const asked: string[] = [];
  const asks = (name: string, decide: (connection: Connection) => boolean): Type<CanActivate> => {
    @Injectable()
    class Guard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        asked.push(name);
        return decide(context.switchToWs().getClient());
      }
    }
    return Guard;
  };

  @UseGuards(asks('one', () => true))
  @WebSocketGateway({ path: '/it' })
  class OneGateway {}

  @UseGuards(asks('two', ({ handshake }) => handshake.query.has('yes')))
  @WebSocketGateway({ path: '/it' })
  class TwoGateway {}

  await using app = await start({ gateways: [OneGateway, TwoGateway] });
  expect(await refused(app.url('/it'))).toMatchObject({ status: 403 });
  expect(asked).toEqual(['one', 'two']);
  (await granted(app.url('/it?yes'))).socket.destroy();
});
