import { Body, Controller, Param, Post, UseGuards } from '@nestjs/common';
import { AuthGuard, Principal } from '@holdfast/gateway';
import { NewNotification } from './notification.js';
import { NotificationsService } from './notifications.service.js';

/** The same guard and the same tokens as on the gateways. */
@UseGuards(AuthGuard)
@Controller('notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  /** The receiver is told who the sender is, so nobody can speak in the name of somebody else. */
  @Post(':subject')
  async push(
    @Param('subject') subject: string,
    @Principal('subject') from: string,
    @Body() { text }: NewNotification,
  ): Promise<{ delivered: number }> {
    return { delivered: await this.notifications.notify(subject, from, text) };
  }
}
