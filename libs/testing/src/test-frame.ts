/**
 * An envelope as a test sees it. Only `event` is certain: a test looks at what really came.
 *
 * @publicApi
 */
export interface TestFrame {
  readonly event: string;
  readonly data?: unknown;
  readonly id?: string | number;
  /** Whatever else the frame carries: room, offset, trace. */
  readonly [field: string]: unknown;
}

/** One WebSocket message as it came. @publicApi */
export interface RawTestFrame {
  readonly data: Buffer;
  /** False for a text message. */
  readonly isBinary: boolean;
}

/** Undefined when `text` is not JSON; no JSON text gives undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined when the message is not an envelope in JSON. */
export function parseTestFrame(raw: RawTestFrame): TestFrame | undefined {
  const value = raw.isBinary ? undefined : parseJson(raw.data.toString());
  return isTestFrame(value) ? value : undefined;
}

function isTestFrame(value: unknown): value is TestFrame {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
