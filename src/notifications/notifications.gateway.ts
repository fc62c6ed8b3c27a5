import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastGateway } from '@holdfast/gateway';
import { inboxOf } from './inbox.js';

/** A client that is connected here gets its own notifications, without subscribing. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/notifications' })
export class NotificationsGateway extends HoldfastGateway {
  /** One that comes back gets what it has missed. */
  override async onConnect(connection: Connection): Promise<void> {
    // The guard lets nobody in without one.
    if (connection.principal) await connection.join(inboxOf(connection.principal.subject));
  }
}
