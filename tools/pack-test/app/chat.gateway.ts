import { ConnectionRegistry } from '@holdfast/gateway';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

@WebSocketGateway({ path: '/chat' })
export class ChatGateway {
  constructor(private readonly connections: ConnectionRegistry) {}

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }

  /** Answers only if the library's own provider was injected here. */
  @SubscribeMessage('count')
  count(): number {
    return this.connections.size;
  }
}
