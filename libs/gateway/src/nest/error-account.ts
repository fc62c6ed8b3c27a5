import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { errorCodes, type ErrorData } from '@holdfast/protocol';
import {
  AuthenticationError,
  AuthenticatorUnavailableError,
  HoldfastException,
  RateLimitException,
} from '../errors/index.js';
import { FORBIDDEN_MESSAGE } from './internals.js';
import { brokenRules } from './broken-rules.js';

/** What a peer is told of an error, and whether it has to be logged. */
export interface ErrorAccount {
  readonly data: ErrorData;
  /** True for programming errors, which are logged with their stack; the peer's own mistakes are not worth a line. */
  readonly isFault: boolean;
}

const codeOfStatus: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  408: 'HANDLER_TIMEOUT',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  422: 'VALIDATION_FAILED',
  429: 'RATE_LIMITED',
  503: 'UNAVAILABLE',
};
const knownCodes: ReadonlySet<unknown> = new Set(errorCodes.map(({ code }) => code));

/** A label for metrics: the codes of the application are its own, and there may be any number of them. */
export function labelOf(code: string): string {
  return knownCodes.has(code) ? code : 'APPLICATION';
}

/** An exception made to be answered, as opposed to one that happened. */
export function isChosen(error: unknown): boolean {
  return error instanceof HttpException || error instanceof WsException || error instanceof HoldfastException;
}

/**
 * The one place where an exception becomes an error frame (PROTOCOL.md). Never contains the peer's own payload, and
 * never throws, whatever was thrown: an exception may have getters of its own.
 */
export function accountFor(error: unknown): ErrorAccount {
  try {
    return accountForKnown(error);
  } catch {
    return internal();
  }
}

function accountForKnown(error: unknown): ErrorAccount {
  if (error instanceof RateLimitException) return limited(error);
  if (error instanceof HoldfastException)
    return quiet(error.code, error.message, error.details, error.code === 'INTERNAL');
  if (error instanceof AuthenticationError) return quiet(error.code, error.reason);
  if (error instanceof AuthenticatorUnavailableError)
    return quiet(error.code, 'Tokens cannot be verified at the moment');
  if (error instanceof HttpException) return accountForHttp(error);
  if (error instanceof WsException) return accountForWs(error);
  return internal();
}

function internal(): ErrorAccount {
  return { data: { code: 'INTERNAL', message: 'Internal server error' }, isFault: true };
}

function limited({ code, message, retryAfterMs }: RateLimitException): ErrorAccount {
  // Infinity, for a message that costs more than the limit, is no number in JSON: there is no time to wait.
  const when = Number.isFinite(retryAfterMs) ? { retryAfterMs } : {};
  return { data: { code, message, ...when }, isFault: false };
}

function accountForHttp(error: HttpException): ErrorAccount {
  const status = error.getStatus();
  const body = asRecord(error.getResponse());
  const messages = body?.['message'];
  const text = typeof messages === 'string' ? messages : error.message;
  const details = body?.['details'];
  // ValidationPipe answers 400 with one line for each broken rule.
  if (Array.isArray(messages)) {
    const code = status === 400 || status === 422 ? 'VALIDATION_FAILED' : (codeOfStatus[status] ?? 'BAD_REQUEST');
    return quiet(code, 'Validation failed', messages);
  }
  const own = body?.['code'];
  const code =
    typeof own === 'string' && knownCodes.has(own)
      ? own
      : (codeOfStatus[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL'));
  return quiet(code, text, details, status >= 500 && status !== 503);
}

function accountForWs(error: WsException): ErrorAccount {
  const payload = error.getError();
  if (typeof payload === 'string') return quiet(payload === FORBIDDEN_MESSAGE ? 'FORBIDDEN' : 'APPLICATION', payload);
  if (Array.isArray(payload)) {
    return brokenRules(payload)
      ? quiet('VALIDATION_FAILED', 'Validation failed', payload)
      : quiet('APPLICATION', error.message, payload);
  }
  const { code, message, ...rest } = asRecord(payload) ?? {};
  const text = typeof message === 'string' ? message : error.message;
  const members = Object.entries(rest).map(([name, value]) => [name, brokenRules(value) ?? value]);
  // Details that have that name already are not put into details of their own.
  const isNamed = members.length === 1 && 'details' in rest;
  const details: unknown = isNamed ? rest['details'] : members.length > 0 ? Object.fromEntries(members) : undefined;
  return quiet(typeof code === 'string' ? code : 'APPLICATION', text, details);
}

function quiet(code: string, message: string, given?: unknown, isFault = false): ErrorAccount {
  const details = brokenRules(given) ?? given;
  return { data: { code, message, ...(details === undefined ? {} : { details }) }, isFault };
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  // Any object can be read by name; what is found is checked where it is used.
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
