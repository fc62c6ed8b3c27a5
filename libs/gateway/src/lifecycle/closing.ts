import type { SpanContext } from '@opentelemetry/api';
import { forgetHeaders, type HeaderLimits } from '../admission/index.js';
import { GatewayFeature, type Link, type LinkObserver } from '../connection/index.js';
import { bindingOf, type NestBinding } from '../gateways/index.js';
import type { BoundedLog, Clock, PendingWork } from '../ground/index.js';
import type { Counters, Tracing } from '../telemetry/index.js';

export interface ClosingParts {
  readonly counters: Counters;
  readonly tracing: Tracing;
  readonly log: BoundedLog;
  readonly clock: Clock;
  /** Disconnect hooks at work, and those that wait for connection hooks. */
  readonly disconnectHooks: PendingWork;
  readonly headerLimits: HeaderLimits;
}

/** Counts and traces the end of a connection, and calls the disconnect hooks of the application. */
@GatewayFeature('closing')
export class Closing implements LinkObserver {
  constructor(private readonly parts: ClosingParts) {}

  ended(link: Link): void {
    const { cause, connection } = link;
    this.parts.counters.add('closed', cause?.name ?? 'UNKNOWN');
    this.parts.log.debug(
      'disconnected',
      () =>
        `Disconnected ${connection.id} from ${link.place.route}: ${cause?.code ?? ''} ${cause?.name ?? ''} by ${cause?.initiator ?? 'nobody'}`,
    );
    forgetHeaders(link.connection.handshake, this.parts.headerLimits);
    const span = this.#traceSafely(link);
    const binding = bindingOf(link);
    if (!binding) return;
    const { connectHooks } = binding;
    if (!connectHooks) this.#disconnected(binding, span);
    // What a connection hook sets up after its awaits would otherwise never be taken down by the disconnect hook.
    else
      this.parts.disconnectHooks.add(
        connectHooks.settled.then(() => {
          this.#disconnected(binding, span);
        }),
      );
  }

  #disconnected({ link, disconnectCallbacks = [] }: NestBinding, span: SpanContext | undefined): void {
    this.parts.tracing.inContextOf(
      link,
      () => {
        for (const callback of disconnectCallbacks) {
          try {
            callback(link.cause?.reason ?? '');
          } catch (error) {
            this.parts.log.error('hook', 'A disconnect hook failed', error);
          }
        }
      },
      span,
    );
  }

  /** What an SDK and its processors make of a span is the application's, and must not keep hooks from being called. */
  #traceSafely(link: Link): SpanContext | undefined {
    try {
      return this.#trace(link);
    } catch (error) {
      this.parts.log.error('tracing', 'The end of a connection could not be traced', error);
      return undefined;
    }
  }

  /** @returns the span of the end, for the disconnect hooks to be inside of; they may come later than it ends. */
  #trace({ connection, cause, handshakeSpan, isTraced, startedAt }: Link): SpanContext | undefined {
    if (!isTraced || !cause) return undefined;
    return this.parts.tracing.closed(connection, cause, this.parts.clock.now() - startedAt, handshakeSpan);
  }
}
