import {
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';

let seen: unknown[] = [];

beforeEach(() => {
  seen = [];
});

/** Refuses `no`, at once or later, and writes down what it was shown. */
class Recorder implements CanActivate {
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const ws = context.switchToWs();
    const data = ws.getData<{ verdict: string; later: boolean } | undefined>();
    const connection = ws.getClient<Connection>();
    if (data === undefined || !('verdict' in data)) return true;
    seen.push(['guard', context.getType(), context.getHandler().name, ws.getPattern(), data, connection.state]);
    seen.push(['arguments', context.getArgByIndex(2), context.getArgs().length]);
    const verdict = data.verdict !== 'no';
    return data.later ? Promise.resolve(verdict) : verdict;
  }
}

class Marks implements PipeTransform {
  transform(value: unknown, { type, metatype, data }: ArgumentMetadata): unknown {
    seen.push(['pipe', type, metatype?.name, data]);
    return type === 'body' && typeof value === 'string' ? `${value}!` : value;
  }
}

const Pattern = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToWs().getPattern());

class PassThrough implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

/** Needs nothing of Nest's chain. */
@UseGuards(Recorder)
@UsePipes(new Marks())
@WebSocketGateway({ path: '/direct' })
class DirectGateway {
  @SubscribeMessage('tell')
  tell(
    @Pattern() pattern: string,
    @MessageBody('verdict') verdict: string,
    @ConnectedSocket() connection: Connection,
  ): unknown {
    seen.push(['handler']);
    return { pattern, verdict, route: connection.handshake.path.length > 0 };
  }
}

/** The same, guards and pipes inherited, with an interceptor, which only Nest's chain can run. */
@UseInterceptors(PassThrough)
@WebSocketGateway({ path: '/nest' })
class NestGateway extends DirectGateway {}

describe('a handler that is called directly', () => {
  it.each([
    { verdict: 'yes', later: false },
    { verdict: 'yes', later: true },
    { verdict: 'no', later: false },
    { verdict: 'no', later: true },
  ])('shows its enhancers what Nest shows them, in the same order: %o', async (data) => {
    await using app = await boot({ options: {}, providers: [DirectGateway, NestGateway] });
    const outcomes: unknown[] = [];
    for (const path of ['/direct', '/nest']) {
      seen = [];
      await using client = await TestClient.connect(app.url(path));
      client.send({ event: 'tell', data, id: 1 });
      outcomes.push({ answer: await client.next(), seen });
    }
    const [direct, nest] = outcomes;
    expect(direct).toEqual(nest);
    expect(direct).toMatchObject({ answer: { event: data.verdict === 'yes' ? '$reply' : '$error' } });
    expect(seen.length).toBeGreaterThan(1);
  });
});
