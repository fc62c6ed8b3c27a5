import { ConsoleLogger, type ConsoleLoggerOptions, type LogLevel } from '@nestjs/common';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { currentMessage, followMessages } from './message-context.js';

interface JsonLine {
  level: LogLevel;
  pid: number;
  timestamp: number;
  message: unknown;
  context?: string;
  stack?: unknown;
  [key: string]: unknown;
}

/**
 * Nest's console logger in JSON, one object per line, with `connectionId`, `traceId` and `spanId` of whatever is being
 * handled where the line is written: `NestFactory.create(AppModule, { logger: new HoldfastLogger() })`.
 *
 * @publicApi
 */
export class HoldfastLogger extends ConsoleLogger {
  constructor(options: ConsoleLoggerOptions = {}) {
    super({ json: true, colors: false, ...options });
    followMessages();
  }

  protected override getJsonLogObject(
    message: unknown,
    options: { context: string; logLevel: LogLevel; writeStreamType?: 'stdout' | 'stderr'; errorStack?: unknown },
  ): JsonLine {
    const line = super.getJsonLogObject(message, options);
    const span = trace.getActiveSpan()?.spanContext();
    const traced = span && isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : {};
    const connection = currentMessage()?.connection;
    return { ...line, ...(connection ? { connectionId: connection.id } : {}), ...traced };
  }
}
