import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, Room } from '@holdfast/gateway';
import { livePath } from '../live-path.js';
import { dashboardRoom, DashboardService } from './dashboard.service.js';

/** Clients that join the room of the dashboard see what goes on in this process. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: livePath })
export class DashboardGateway {
  constructor(private readonly dashboard: DashboardService) {}

  /** A new member gets the latest view. While nobody watched there were none, so it is made first. */
  @Room(dashboardRoom)
  async mayWatch(): Promise<void> {
    await this.dashboard.publish();
  }
}
