import { ForbiddenException, HttpException } from '@nestjs/common';
import { errorCodes } from '@holdfast/protocol';
import { accountFor, FORBIDDEN_MESSAGE } from '../nest/index.js';
import type { BoundedLog } from '../ground/index.js';
import { type Refusal, refusals } from './refusal.js';

/** Carries a refusal of the admission itself past guards that may be at work. */
export class HandshakeRefusal extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

const guardHint =
  'guards run at the handshake, too: isHandshake(context) tells it from a message, and @MessagesOnly() excludes a guard from it';
const statusOf = new Map<string, number | undefined>(errorCodes.map(({ code, httpStatus }) => [code, httpStatus]));

/** Turns what a guard, interceptor or filter threw during the handshake into an HTTP answer. */
export function refusalFor(error: unknown, log: BoundedLog): Refusal {
  if (error instanceof HandshakeRefusal) return error.refusal;
  const { data, isFault } = accountFor(error);
  // An exception of the application that has no status of its own still means no.
  const status = error instanceof HttpException ? error.getStatus() : (statusOf.get(data.code) ?? 403);
  const isRefusal = status >= 400 && status <= 599;
  if (isFault || !isRefusal)
    log.error('handshake', `A handshake failed in a guard, interceptor or filter (${guardHint})`, error);
  // A redirect is nothing that a WebSocket client could follow, and a 200 nothing that could be thrown.
  if (!isRefusal) return refusals.internal();
  const refusal = { code: data.code, status, message: data.message };
  return saysNothing(error) ? { ...refusal, hint: `a guard returned false; ${guardHint}` } : refusal;
}

/** What Nest makes of a guard that returned false. */
function saysNothing(error: unknown): boolean {
  return error instanceof ForbiddenException && error.message === FORBIDDEN_MESSAGE;
}
