import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard } from '@holdfast/gateway';

/** Whoever is connected here gets its own notifications; there is nothing to ask for. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/notifications' })
export class NotificationsGateway {}
