import { type CanActivate, Injectable, Logger, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, HoldfastGateway, HoldfastLogger, HoldfastModule } from '@holdfast/gateway';
import { HoldfastTestApp } from '@holdfast/testing';
import { onTestFinished, vi } from 'vitest';
import { gate, type Gate } from './dispatch.js';

export const loggingPath = '/logging';

/** One line of the log, as a collector reads it. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly context?: string;
  readonly connectionId?: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly stack?: unknown;
}

const logger = new Logger('Application');

@Injectable()
class LoggingGuard implements CanActivate {
  /** What it throws. */
  fault: Error | undefined;

  async canActivate(): Promise<boolean> {
    if (this.fault) throw this.fault;
    logger.log('in the guard');
    await Promise.resolve();
    logger.log('in the guard, later');
    return true;
  }
}

@UseGuards(LoggingGuard)
@WebSocketGateway({ path: loggingPath })
class LoggingGateway extends HoldfastGateway {
  left: Gate<void> = gate();
  /** What the connect hook throws. */
  fault: Error | undefined;

  override async onConnect(): Promise<void> {
    logger.log('in the connect hook');
    await Promise.resolve();
    logger.log('in the connect hook, later');
    if (this.fault) throw this.fault;
  }

  override async onDisconnect(_connection: Connection): Promise<void> {
    logger.log('in the disconnect hook');
    await Promise.resolve();
    logger.log('in the disconnect hook, later');
    this.left.open();
  }

  @SubscribeMessage('log')
  async log(): Promise<void> {
    logger.log('in the handler');
    // A timer, because it is through timers that a context is easily lost.
    await new Promise((resolve) => setTimeout(resolve, 1));
    logger.warn('in the handler, later');
  }

  @SubscribeMessage('fail')
  fail(): never {
    throw new TypeError('the handler failed');
  }
}

/** An application that logs by HoldfastLogger, and the lines it has written. */
export class LoggingApp implements AsyncDisposable {
  readonly #written: string[] = [];
  #app: HoldfastTestApp | undefined;

  static async start(): Promise<LoggingApp> {
    @Module({
      imports: [HoldfastModule.forRoot({ heartbeat: { intervalMs: 0 } })],
      providers: [LoggingGateway, LoggingGuard],
    })
    class LoggingModule {}

    const logging = new LoggingApp();
    for (const stream of [process.stdout, process.stderr]) {
      const spy = vi.spyOn(stream, 'write').mockImplementation((text) => {
        logging.#written.push(String(text));
        return true;
      });
      onTestFinished(() => {
        spy.mockRestore();
      });
    }
    logging.#app = await HoldfastTestApp.start(() =>
      NestFactory.create(LoggingModule, { logger: new HoldfastLogger() }),
    );
    return logging;
  }

  get url(): string {
    return this.#app?.url(loggingPath) ?? '';
  }

  failToConnect(fault: Error): void {
    const gateway = this.#app?.app.get(LoggingGateway);
    if (gateway) gateway.fault = fault;
  }

  failInTheGuard(fault: Error): void {
    const guard = this.#app?.app.get(LoggingGuard);
    if (guard) guard.fault = fault;
  }

  /** Until the disconnect hook has ended. */
  async left(): Promise<void> {
    await this.#app?.app.get(LoggingGateway).left.promise;
  }

  /** Every line is an object of its own. */
  get lines(): LogLine[] {
    // What a line is made of is what the tests look at.
    return this.#written
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine);
  }

  from(place: string): LogLine[] {
    return this.lines.filter(({ message }) => message.startsWith(`in the ${place}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app?.close();
  }
}
