import { setTimeout as delay } from 'node:timers/promises';
import {
  BadRequestException,
  type CanActivate,
  ForbiddenException,
  Injectable,
  type PipeTransform,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { Ack, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { context, createContextKey, type SpanContext, trace } from '@opentelemetry/api';
import { Concurrent, RateLimit, TracingInterceptor } from '@holdfast/gateway';
import { concat, Observable, of, throwError, timer } from 'rxjs';
import { Fenced, gate, type Gate } from './dispatch.js';
import { activeSpan } from './spans.js';

export const tracedPath = '/traced';

type Seen = Record<string, SpanContext | undefined>;

/** Where which span was active in the last message. */
export const seen: Seen = {};

@Injectable()
class WatchingGuard implements CanActivate {
  canActivate(): boolean {
    seen['guard'] = activeSpan();
    return true;
  }
}

@Injectable()
class WatchingPipe implements PipeTransform {
  async transform(value: unknown): Promise<unknown> {
    await Promise.resolve();
    seen['pipe'] = activeSpan();
    return value;
  }
}

const leftBehind = createContextKey('what a handler left behind');

async function lookEverywhere(): Promise<string> {
  seen['handler'] = activeSpan();
  await Promise.resolve();
  seen['after an await'] = activeSpan();
  await delay(1);
  seen['after a timer'] = activeSpan();
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      seen['in a callback'] = activeSpan();
      resolve();
    });
  });
  const child = trace.getTracer('the application').startSpan('a query');
  child.end();
  return 'looked';
}

@WebSocketGateway({ path: tracedPath })
export class TracedGateway extends Fenced {
  slow: Gate<string> = gate();

  @SubscribeMessage('look')
  @UseGuards(WatchingGuard)
  @UsePipes(WatchingPipe)
  look(@MessageBody() _data: unknown): Promise<string> {
    return lookEverywhere();
  }

  @SubscribeMessage('look through interceptors')
  @UseGuards(WatchingGuard)
  @UsePipes(WatchingPipe)
  @UseInterceptors(TracingInterceptor)
  lookFurther(@MessageBody() _data: unknown): Promise<string> {
    return lookEverywhere();
  }

  /** Leaves something in its context, which is nobody else's. */
  @SubscribeMessage('leave behind')
  leave(@Ack() acknowledge: (data: unknown) => void): void {
    context.with(context.active().setValue(leftBehind, 'this'), () => {
      void this.slow.promise.then(acknowledge);
    });
  }

  @SubscribeMessage('what was left')
  whatWasLeft(): unknown {
    return context.active().getValue(leftBehind) ?? 'nothing';
  }

  @SubscribeMessage('fault')
  fault(): never {
    throw new TypeError('nothing is a function');
  }

  @SubscribeMessage('late fault')
  async lateFault(): Promise<never> {
    await Promise.resolve();
    throw new TypeError('nothing is a function');
  }

  @SubscribeMessage('thrown text')
  thrownText(): never {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the application may do so
    throw 'no error at all';
  }

  @SubscribeMessage('intercepted fault')
  @UseInterceptors(TracingInterceptor)
  interceptedFault(): never {
    throw new TypeError('nothing is a function');
  }

  @SubscribeMessage('intercepted mistake')
  @UseInterceptors(TracingInterceptor)
  interceptedMistake(): never {
    throw new BadRequestException('not like this');
  }

  @SubscribeMessage('bad request')
  badRequest(): never {
    throw new BadRequestException('not like this');
  }

  @SubscribeMessage('ws exception')
  wsException(): never {
    throw new WsException({ code: 'SOLD_OUT', message: 'none left' });
  }

  @SubscribeMessage('forbidden')
  forbidden(): never {
    throw new ForbiddenException('not you');
  }

  @SubscribeMessage('limited')
  @RateLimit({ limit: 1, windowMs: 60_000, cost: (data) => Number(data) })
  limited(): void {}

  @SubscribeMessage('never')
  @Concurrent(10)
  never(): Promise<never> {
    return new Promise(() => undefined);
  }

  @SubscribeMessage('unencodable')
  unencodable(): unknown {
    return 1n;
  }

  @SubscribeMessage('stream')
  stream(): Observable<unknown> {
    return concat(
      of(1),
      timer(1),
      throwError(() => new TypeError('after the first value')),
    );
  }
}
