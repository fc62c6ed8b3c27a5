import { type Context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';

/** W3C Trace Context, section 3.2: the fields of version 00, which later versions may only add to. */
const traceparent = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const lengthOfVersion00 = 55;

/** The remote span a `traceparent` names; undefined for anything that is none, as the standard asks for. */
export function parseTraceparent(header: string | undefined): SpanContext | undefined {
  const fields = header === undefined ? null : traceparent.exec(header);
  if (!fields) return undefined;
  const [, version, traceId = '', spanId = '', flags = '00'] = fields;
  if (version === '00' && header?.length !== lengthOfVersion00) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

export function contextOf(parent: SpanContext | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}
