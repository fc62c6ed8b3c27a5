import { Injectable } from '@nestjs/common';
import {
  type Attributes,
  type Context,
  context,
  type Link as SpanLink,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { Connection, DisconnectCause, Link } from '../connection/index.js';
import { runFor } from './message-context.js';
import { contextOf, parseTraceparent } from './traceparent.js';

const scope = '@holdfast/gateway';

/** What is known of a message before it is handled. */
export interface TracedMessage {
  readonly event: string;
  readonly id: string | number | undefined;
  readonly bytes: number;
  readonly trace: string | undefined;
}

/**
 * Spans for handshakes, messages and closes, by the OpenTelemetry API. Names and attributes follow the semantic
 * conventions for HTTP servers (handshake) and messaging (messages); there are none for WebSocket yet.
 *
 * A message continues the trace its frame names, else it begins one that links to the handshake: a trace as long as a
 * connection would be of no use to anybody.
 */
@Injectable()
export class Tracing {
  readonly #tracer: Tracer = trace.getTracer(scope);

  /** Whether an SDK is registered. Asked first everywhere, so that without one nothing is built only to be dropped. */
  get isEnabled(): boolean {
    const provider = trace.getTracerProvider();
    // In version 1 of the API there is no other way to ask, and version 2 comes with one.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(scope) !== undefined;
  }

  handshake(method: string, route: string, path: string, traceparent: string | undefined): Span {
    const options = {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': method, 'http.route': route, 'url.path': path },
    };
    return this.#tracer.startSpan(`${method} ${route}`, options, contextOf(parseTraceparent(traceparent)));
  }

  /** @param refusal - what was answered instead of 101. */
  decided(span: Span, refusal: { readonly status: number; readonly code: string } | undefined): void {
    span.setAttribute('http.response.status_code', refusal?.status ?? 101);
    if (refusal) span.setAttribute('error.type', refusal.code);
    // Semantic conventions for HTTP: a 4xx is the client's error, and no error of this server's span.
    if (refusal && refusal.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, message: refusal.code });
    span.end();
  }

  message(connection: Connection, message: TracedMessage, handshake: SpanContext | undefined): Span {
    const { event, id, bytes } = message;
    // Written out: to put such an object together of others costs more than all that an SDK does for the span.
    const attributes: Attributes = {
      'messaging.system': 'websocket',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': event,
      'messaging.message.body.size': bytes,
      'messaging.message.conversation_id': id === undefined ? undefined : String(id),
      'messaging.client.id': connection.id,
      'http.route': connection.handshake.route,
      'client.address': connection.handshake.ip,
    };
    const options = { kind: SpanKind.CONSUMER, attributes, links: linksTo(handshake) };
    return this.#tracer.startSpan(`process ${event}`, options, contextOf(parseTraceparent(message.trace)));
  }

  /** A span of the application's own, inside whichever is active. */
  part(name: string): Span {
    return this.#tracer.startSpan(name);
  }

  /**
   * Runs `work` so that it, and everything asynchronous it begins, is inside the span.
   *
   * @param around - what else is known there. Default nothing: a message is begun where the one before it has ended,
   *   and has nothing to do with it.
   */
  inside<T>(span: Span, work: () => T, around: Context = ROOT_CONTEXT): T {
    return context.with(trace.setSpan(around, span), work);
  }

  /** As {@link inside}, for what belongs to a span that may have ended. */
  within<T>(span: SpanContext | undefined, work: () => T): T {
    return span ? context.with(contextOf(span), work) : work();
  }

  /** Runs a guard or hook so that its spans and log lines are known to be of this connection. */
  inContextOf<T>(link: Link, work: () => T, span: SpanContext | undefined = link.handshakeSpan): T {
    return runFor(link.connection, () => this.within(span, work));
  }

  /** Runs the guards of a handshake inside its span, where there is one. */
  ofHandshake<T>(connection: Connection, span: Span | undefined, work: () => T): T {
    const run = (): T => runFor(connection, work);
    return span ? this.inside(span, run) : run();
  }

  /** A mistake of the peer: named, and no error of this server's span. */
  refused(span: Span, code: string): void {
    span.setAttribute('error.type', code);
  }

  /**
   * @param error - what was thrown, to be recorded with its stack. Leave it out where there is nothing, or it is
   * recorded elsewhere.
   */
  failed(span: Span, code: string, error?: unknown): void {
    span.setAttribute('error.type', code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    if (error === undefined) return;
    span.recordException(error instanceof Error ? error : { message: `${typeof error} that is no Error was thrown` });
  }

  closed(
    connection: Connection,
    cause: DisconnectCause,
    durationMs: number,
    handshake: SpanContext | undefined,
  ): SpanContext {
    const attributes: Attributes = {
      'messaging.system': 'websocket',
      'messaging.client.id': connection.id,
      'http.route': connection.handshake.route,
      'client.address': connection.handshake.ip,
      'holdfast.close.code': cause.code,
      'holdfast.close.name': cause.name,
      'holdfast.close.initiator': cause.initiator,
      'holdfast.connection.duration_ms': durationMs,
    };
    const name = `close ${connection.handshake.route}`;
    const span = this.#tracer.startSpan(name, { attributes, links: linksTo(handshake) }, ROOT_CONTEXT);
    span.end();
    return span.spanContext();
  }
}

function linksTo(span: SpanContext | undefined): SpanLink[] {
  return span ? [{ context: span }] : [];
}
