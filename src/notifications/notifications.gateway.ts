import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard } from '@holdfast/gateway';

/** A client that is connected here gets its own notifications, without subscribing. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/notifications' })
export class NotificationsGateway {}
