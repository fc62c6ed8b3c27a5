import { type DynamicModule, Module, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { HoldfastModule } from '@holdfast/gateway';
import { TerminusModule } from '@nestjs/terminus';
import { ChatGateway } from './chat/chat.gateway.js';
import { ChatHistoryController } from './chat/chat-history.controller.js';
import { ChatHistory } from './chat/chat-history.js';
import type { ServiceConfig } from './config/service-config.js';
import { DashboardGateway } from './dashboard/dashboard.gateway.js';
import { DashboardService } from './dashboard/dashboard.service.js';
import { CounterGateway } from './demo/counter.gateway.js';
import { CounterService, NODE_NAME } from './demo/counter.service.js';
import { DEMO_SECRET, DemoTokenController } from './demo/demo-token.controller.js';
import { HealthController } from './health/health.controller.js';
import { NotificationsController } from './notifications/notifications.controller.js';
import { NotificationsGateway } from './notifications/notifications.gateway.js';
import { NotificationsService } from './notifications/notifications.service.js';
import { ClientBundleController } from './page/client-bundle.controller.js';
import type { Telemetry } from './telemetry/telemetry.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

/** One pipe for everything that comes in, by HTTP or WebSocket: members that no class declares are refused. */
const validation = new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true });

@Module({})
export class AppModule {
  static with({ holdfast, demoSecret, nodeName }: ServiceConfig, telemetry?: Telemetry): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HoldfastModule.forRoot(holdfast),
        // A node that drains fails its readiness on purpose, which is no error worth a log line each second.
        TerminusModule.forRoot({ logger: false }),
        ...(demoSecret === undefined ? [] : [demoModule(demoSecret, nodeName)]),
        ...(telemetry === undefined ? [] : [TelemetryModule.with(telemetry)]),
      ],
      controllers: [ChatHistoryController, NotificationsController, HealthController, ClientBundleController],
      providers: [
        { provide: APP_PIPE, useValue: validation },
        ChatGateway,
        ChatHistory,
        NotificationsGateway,
        NotificationsService,
        DashboardGateway,
        DashboardService,
      ],
    };
  }
}

@Module({})
class DemoModule {}

function demoModule(secret: string, nodeName: string): DynamicModule {
  return {
    module: DemoModule,
    controllers: [DemoTokenController],
    providers: [
      { provide: DEMO_SECRET, useValue: secret },
      { provide: NODE_NAME, useValue: nodeName },
      CounterGateway,
      CounterService,
    ],
  };
}
