import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { map, type Observable, tap } from 'rxjs';
import { EchoMessage } from './message.dto.js';

/** What applications write, and what is the same under Holdfast and under Nest's WsAdapter. */
const Roles = Reflector.createDecorator<string[]>();

@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const roles = this.reflector.getAllAndOverride(Roles, [context.getHandler(), context.getClass()]);
    return roles.includes('user');
  }
}

@Injectable()
class SlowestInterceptor implements NestInterceptor {
  slowestMs = 0;

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const startedAt = performance.now();
    return next.handle().pipe(
      tap(() => {
        this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      }),
    );
  }
}

@Injectable()
class CopyInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((answer: object) => ({ ...answer })));
  }
}

@Roles(['user'])
@UseGuards(RolesGuard)
@UseInterceptors(SlowestInterceptor, CopyInterceptor)
@WebSocketGateway()
export class UserGateway {
  @UsePipes(new ValidationPipe({ whitelist: true }))
  @SubscribeMessage('echo')
  echo(@MessageBody() data: EchoMessage): { event: string; data: EchoMessage } {
    return { event: 'echoed', data };
  }
}
