import { Injectable } from '@nestjs/common';
import { ConnectionRegistry } from '@holdfast/gateway';
import { NotificationsGateway } from './notifications.gateway.js';

/** Reaches sockets without holding one: any service of the application can do this. */
@Injectable()
export class NotificationsService {
  constructor(private readonly registry: ConnectionRegistry) {}

  /** Tells every device of somebody who listens for notifications. @returns how many there were. */
  notify(subject: string, from: string, text: string): number {
    const listening = this.registry.ofGateway(NotificationsGateway);
    let delivered = 0;
    for (const connection of this.registry.ofPrincipal(subject)) {
      if (listening.has(connection) && connection.emit('notification', { from, text, at: Date.now() })) delivered++;
    }
    return delivered;
  }
}
