import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastGateway } from '@holdfast/gateway';
import { livePath } from '../live-path.js';
import { inboxOf } from './inbox.js';

/** Whoever is connected gets the notifications that are addressed to them, without subscribing. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: livePath })
export class NotificationsGateway extends HoldfastGateway {
  /** One that comes back gets what it has missed. */
  override async onConnect(connection: Connection): Promise<void> {
    // The guard lets nobody in without one.
    if (connection.principal) await connection.join(inboxOf(connection.principal.subject));
  }
}
