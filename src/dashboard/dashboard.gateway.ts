import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, Room } from '@holdfast/gateway';
import { livePath } from '../live-path.js';
import { dashboardRoom } from './dashboard.service.js';

/** Clients that join the room of the dashboard are shown what goes on in the process that they are connected to. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: livePath })
export class DashboardGateway {
  @Room(dashboardRoom)
  mayWatch(): void {
    // Everybody may who has a token.
  }
}
