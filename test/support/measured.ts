import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { type Connection, HoldfastGateway, RateLimit } from '@holdfast/gateway';
import { gate, type Gate } from './dispatch.js';

export const measuredPath = '/measured/:room';

@WebSocketGateway({ path: measuredPath })
export class MeasuredGateway extends HoldfastGateway {
  blocked: Gate<string> = gate();
  /** What the connect hook throws. */
  fault: (() => Error) | undefined;

  override onConnect(): void {
    if (this.fault) throw this.fault();
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }

  @SubscribeMessage('block')
  block(): Promise<string> {
    return this.blocked.promise;
  }

  @SubscribeMessage('fail')
  fail(@MessageBody() code: string): never {
    throw new WsException({ code, message: 'as told' });
  }

  @SubscribeMessage('limited')
  @RateLimit({ limit: 1, windowMs: 60_000 })
  limited(): void {}

  @SubscribeMessage('close')
  close(connection: Connection): void {
    connection.close(4321);
  }
}
