import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { ConsoleLogger, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { HoldfastLogger } from '@holdfast/gateway';
import { AppModule } from './app.module.js';
import type { ServiceConfig } from './config/service-config.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** Beside the sources, and so at the same place whether this runs from src or, built, from dist. */
const page = join(import.meta.dirname, '../src/page/public');

/**
 * The page brings all it needs and talks to nobody else. On every answer: what is no page has nothing to run anyway.
 */
const securityHeaders = {
  'Content-Security-Policy': "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
};

/**
 * The whole application, not yet listening.
 *
 * @param telemetry - what it measures is served at /metrics; without, there is no such path.
 */
export async function createService(config: ServiceConfig, telemetry?: Telemetry): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, telemetry), {
    logger: createLogger(config.log),
    // Errors of the boot are for main.ts to report.
    abortOnError: false,
  });
  app.disable('x-powered-by');
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    next();
  });
  app.useStaticAssets(page);
  return app;
}

/** JSON is for machines, which also want to know to which connection and trace a line belongs. */
function createLogger({ levels, json }: ServiceConfig['log']): LoggerService {
  return json ? new HoldfastLogger({ logLevels: levels }) : new ConsoleLogger({ logLevels: levels });
}
