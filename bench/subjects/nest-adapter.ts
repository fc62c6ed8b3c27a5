import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  Module,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Observable } from 'rxjs';
import { listen } from './listen.js';
import { EchoMessage } from './message.dto.js';
import { UserGateway } from './user-written.js';

@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): { event: string; data: unknown } {
    return { event: '$reply', data };
  }
}

class HasUser implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getType() === 'ws';
  }
}

class PassThrough implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

@UseGuards(HasUser)
@UseInterceptors(PassThrough, new PassThrough())
@WebSocketGateway()
class FullGateway {
  @UsePipes(new ValidationPipe({ transform: true }))
  @SubscribeMessage('echo')
  echo(@MessageBody() data: EchoMessage): { event: string; data: unknown } {
    return { event: '$reply', data };
  }
}

const gateways = { plain: PlainGateway, full: FullGateway, user: UserGateway };

/** Nest's own adapter; `full` has one guard, two interceptors and a validated DTO; `user` what users write. */
export async function nestAdapter(kind: keyof typeof gateways): Promise<number> {
  @Module({ providers: [gateways[kind]] })
  class BenchModule {}
  const app = await NestFactory.create(BenchModule, { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  return listen(app);
}
