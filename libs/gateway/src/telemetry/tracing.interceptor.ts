import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { context as active } from '@opentelemetry/api';
import { Observable, type Subscription } from 'rxjs';
import { accountFor, CONNECT_PATTERN } from '../nest/index.js';
import { Tracing } from './tracing.js';

/**
 * Traces what it is attached to by a span of its own, inside the one the gateway made for the message or handshake: for
 * handlers whose time should be told apart from that of guards. Without an OpenTelemetry SDK it does nothing.
 *
 * @publicApi
 */
@Injectable()
export class TracingInterceptor implements NestInterceptor {
  /** @internal Nest creates it. */
  constructor(private readonly tracing: Tracing) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!this.tracing.isEnabled) return next.handle();
    const isHandshake = context.getArgByIndex(2) === CONNECT_PATTERN;
    const name = `${context.getClass().name}.${isHandshake ? 'onHandshake' : context.getHandler().name}`;
    return new Observable((subscriber) => {
      const span = this.tracing.part(name);
      const handle = (): Subscription =>
        next.handle().subscribe({
          next: (value: unknown) => {
            subscriber.next(value);
          },
          error: (error: unknown) => {
            const { data, isFault } = accountFor(error);
            // The exception itself is recorded once, by the span of the message.
            if (isFault) this.tracing.failed(span, data.code);
            else this.tracing.refused(span, data.code);
            subscriber.error(error);
          },
          complete: () => {
            subscriber.complete();
          },
        });
      const subscription = this.tracing.inside(span, handle, active.active());
      subscription.add(() => {
        span.end();
      });
      return subscription;
    });
  }
}
