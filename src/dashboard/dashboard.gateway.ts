import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard } from '@holdfast/gateway';
import type { Observable } from 'rxjs';
import { DashboardService, type DashboardView } from './dashboard.service.js';

/** One request, `watch`, is answered by a stream of views. It ends with the connection, and nobody has to clean up. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/dashboard' })
export class DashboardGateway {
  constructor(private readonly dashboard: DashboardService) {}

  @SubscribeMessage('watch')
  watch(): Observable<DashboardView> {
    return this.dashboard.views;
  }
}
