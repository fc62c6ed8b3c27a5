import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { MetricsController } from './metrics.controller.js';
import type { Telemetry } from './telemetry.js';
import { TELEMETRY } from './telemetry.tokens.js';

/** Serves what is measured, and sends the rest of it when everything else has ended. */
@Module({})
export class TelemetryModule implements OnApplicationShutdown {
  constructor(@Inject(TELEMETRY) private readonly telemetry: Telemetry) {}

  static with(telemetry: Telemetry): DynamicModule {
    return {
      module: TelemetryModule,
      controllers: [MetricsController],
      providers: [{ provide: TELEMETRY, useValue: telemetry }],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.telemetry.shutdown();
  }
}
