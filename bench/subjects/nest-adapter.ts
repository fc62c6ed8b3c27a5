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

@Module({ providers: [PlainGateway] })
class PlainModule {}

@Module({ providers: [FullGateway] })
class FullModule {}

/** Nest's own adapter; `full` has one guard, two interceptors and a validated DTO. */
export async function nestAdapter(kind: 'plain' | 'full'): Promise<number> {
  const app = await NestFactory.create(kind === 'plain' ? PlainModule : FullModule, { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  return listen(app);
}
