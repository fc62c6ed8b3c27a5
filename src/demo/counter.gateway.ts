import { Inject, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, Room } from '@holdfast/gateway';
import { livePath } from '../live-path.js';
import { counterRoom, NODE_NAME } from './counter.service.js';

/** Shows visitors of the demo which node they are connected to, and that they miss nothing when it ends. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: livePath })
export class CounterGateway {
  constructor(@Inject(NODE_NAME) private readonly node: string) {}

  @Room(counterRoom, { history: { size: 2_000, ttlMs: 3_600_000 } })
  mayWatch(): void {
    // Everybody may who has a token.
  }

  @SubscribeMessage('node')
  nodeName(): { node: string } {
    return { node: this.node };
  }
}
