import { Controller, Get } from '@nestjs/common';
import { EngineHealth, ReadinessService } from '@holdfast/gateway';
import { HealthCheck, type HealthCheckResult, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: ReadinessService,
    private readonly engine: EngineHealth,
  ) {}

  /** 200 while the process answers, for what restarts processes. A node that drains is alive. */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** 200 while new connections are accepted, else 503: for load balancers. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => {
        const { state } = this.readiness;
        const sockets = this.indicators.check('sockets');
        return state === 'ready' ? sockets.up({ state }) : sockets.down({ state });
      },
    ]);
  }

  /** 200 while the engine can be reached, else 503: for people and alerts. Connections are served without it. */
  @Get('engine')
  @HealthCheck()
  engineState(): Promise<HealthCheckResult> {
    return this.health.check([
      async () => {
        const { isUp, ...state } = await this.engine.check();
        const engine = this.indicators.check('engine');
        return isUp ? engine.up(state) : engine.down(state);
      },
    ]);
  }
}
