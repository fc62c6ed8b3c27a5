import {
  type ArgumentMetadata,
  BadRequestException,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  ParseArrayPipe,
  ParseIntPipe,
  type PipeTransform,
  type Type,
  UseGuards,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { IsInt, IsOptional, IsString, Min } from 'class-validator';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { boot } from '../../../../test/support/boot.js';
import { callByNest } from './nest-chain.js';

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
const Later = createParamDecorator(async () => Promise.resolve('later'));

class Order {
  @IsInt()
  @Min(1)
  amount: number;

  @IsOptional()
  @IsString()
  note?: string;
}

@UseGuards(Recorder)
@UsePipes(new Marks())
@WebSocketGateway({ path: '/tell' })
class TellGateway {
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

class ThrowAtOnce implements PipeTransform {
  transform(): never {
    throw new BadRequestException('at once');
  }
}

class RejectLater implements PipeTransform {
  async transform(): Promise<never> {
    await Promise.resolve();
    throw new BadRequestException('later');
  }
}

/** Values that come late, and parameters that pipes validate, transform, refuse or leave alone. */
@WebSocketGateway({ path: '/values' })
class ValuesGateway {
  @SubscribeMessage('promised')
  promised(@Later() value: unknown): unknown {
    return { value };
  }

  @UsePipes(new ValidationPipe({ transform: true, whitelist: true }))
  @SubscribeMessage('order')
  order(@ConnectedSocket() connection: Connection, @MessageBody() order: Order, @Later() later: string): unknown {
    return { order, isOrder: order instanceof Order, state: connection.state, later };
  }

  @SubscribeMessage('parts')
  parts(@MessageBody('amount', ParseIntPipe) amount: number, @MessageBody('note', new ParseArrayPipe()) note: unknown) {
    return { amount, note };
  }

  // A rejection that nobody waits for would end the process.
  @SubscribeMessage('refused')
  refused(@MessageBody('a', RejectLater) a: unknown, @MessageBody('b', new ThrowAtOnce()) b: unknown): unknown {
    return { a, b };
  }
}

/** The same gateway twice: as Holdfast compiles it, and called by Nest. */
async function bootBoth(gateway: Type): Promise<HoldfastTestApp[]> {
  const setup = { options: {}, providers: [gateway] };
  return [await boot(setup), await boot({ ...setup, override: callByNest })];
}

describe('a handler that is called directly', () => {
  it.each([
    { verdict: 'yes', later: false },
    { verdict: 'yes', later: true },
    { verdict: 'no', later: false },
    { verdict: 'no', later: true },
  ])('shows its enhancers what Nest shows them, in the same order: %o', async (data) => {
    const outcomes: unknown[] = [];
    for (const booted of await bootBoth(TellGateway)) {
      await using app = booted;
      seen = [];
      await using client = await TestClient.connect(app.url('/tell'));
      client.send({ event: 'tell', data, id: 1 });
      outcomes.push({ answer: await client.next(), seen });
    }
    const [direct, nest] = outcomes;
    expect(direct).toEqual(nest);
    expect(direct).toMatchObject({ answer: { event: data.verdict === 'yes' ? '$reply' : '$error' } });
    expect(seen.length).toBeGreaterThan(1);
  });

  it.each([
    { event: 'promised', data: {} },
    { event: 'order', data: { amount: 2, note: 'two' } },
    { event: 'order', data: { amount: 2, note: null } },
    { event: 'order', data: { amount: 2, stranger: true } },
    { event: 'order', data: { amount: 0, note: 5 } },
    { event: 'order', data: [{ amount: 2 }] },
    { event: 'order', data: 'amount' },
    { event: 'order', data: null },
    { event: 'parts', data: { amount: '7', note: ['a'] } },
    { event: 'parts', data: { amount: 'seven', note: 7 } },
    { event: 'refused', data: {} },
  ])('hands its handler what Nest hands over, or answers as Nest does: %o', async ({ event, data }) => {
    const answers: unknown[] = [];
    for (const booted of await bootBoth(ValuesGateway)) {
      await using app = booted;
      await using client = await TestClient.connect(app.url('/values'));
      client.send({ event, data, id: 1 });
      answers.push(await client.next());
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ id: 1 });
  });
});
