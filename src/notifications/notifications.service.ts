import { Injectable } from '@nestjs/common';
import { Rooms } from '@holdfast/gateway';
import { inboxOf } from './inbox.js';

interface NotificationEvents {
  notification: { from: string; text: string; at: number };
}

/** Reaches sockets without holding one: any service of the application can do this. */
@Injectable()
export class NotificationsService {
  constructor(private readonly rooms: Rooms<NotificationEvents>) {}

  /**
   * Tells every device of somebody; one that has lost its connection gets it when it comes back.
   *
   * @returns how many are connected.
   */
  async notify(subject: string, from: string, text: string): Promise<number> {
    const inbox = inboxOf(subject);
    await this.rooms.to(inbox).emit('notification', { from, text, at: Date.now() });
    return this.rooms.count(inbox);
  }
}
