import { AuthGuard } from '@holdfast/gateway';
import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/vault' })
export class VaultGateway {
  @SubscribeMessage('open')
  open(): string {
    return 'opened';
  }
}
