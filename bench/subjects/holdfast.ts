import { Module, UseGuards, UsePipes, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, HoldfastModule, type HoldfastOptions, RateLimit } from '@holdfast/gateway';
import { secret } from '../wire.js';
import { listen } from './listen.js';
import { EchoMessage } from './message.dto.js';
import { UserGateway } from './user-written.js';

@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway()
class GuardedGateway extends PlainGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway()
class FullGateway {
  @RateLimit({ limit: 1_000_000_000, windowMs: 1_000, algorithm: 'fixed-window' })
  @UsePipes(new ValidationPipe({ transform: true }))
  @SubscribeMessage('echo')
  echo(@MessageBody() data: EchoMessage): unknown {
    return data;
  }

  @RateLimit({ limit: 20, windowMs: 10_000, per: 'principal' })
  @SubscribeMessage('limited')
  limited(): boolean {
    return true;
  }
}

const gateways = { plain: PlainGateway, jwt: GuardedGateway, full: FullGateway, user: UserGateway };
/** A generator is one address and one principal, and comes as fast as it can. */
const options: HoldfastOptions = {
  auth: { secret },
  admission: {
    maxConnectionsPerIp: Infinity,
    maxConnectionsPerPrincipal: Infinity,
    handshakeRate: { limit: Infinity, windowMs: 1_000 },
  },
};

/** Takes messages up to so many bytes. */
export async function holdfastSink(maxPayload: number): Promise<number> {
  @WebSocketGateway({ maxPayload })
  class SinkGateway extends PlainGateway {}

  // What is measured is one frame, however fast it comes.
  const module = HoldfastModule.forRoot({ messages: { bytesPerSecond: Infinity } });
  @Module({ imports: [module], providers: [SinkGateway] })
  class SinkModule {}
  return listen(await NestFactory.create(SinkModule, { logger: false }));
}

/** `full` has AuthGuard, tracing, a rate limit and a validated DTO; `jwt` AuthGuard alone; `user` what users write. */
export async function holdfast(kind: keyof typeof gateways): Promise<number> {
  @Module({ imports: [HoldfastModule.forRoot(options)], providers: [gateways[kind]] })
  class BenchModule {}
  return listen(await NestFactory.create(BenchModule, { logger: false }));
}
