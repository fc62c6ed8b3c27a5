import { BackplaneError, type BackplaneErrorCode, type BackplaneStage } from '@holdfast/backplane';
import { LinkError } from './link.js';

/** Errors that Redis answers before anything was written, by their first word. */
const refusals: Readonly<Record<string, BackplaneErrorCode>> = {
  OOM: 'FULL',
  READONLY: 'READ_ONLY',
  NOREPLICAS: 'READ_ONLY',
  MISCONF: 'READ_ONLY',
  LOADING: 'AWAY',
  MASTERDOWN: 'AWAY',
  BUSY: 'AWAY',
  CLUSTERDOWN: 'AWAY',
  MOVED: 'MOVING',
  ASK: 'MOVING',
  TRYAGAIN: 'MOVING',
  NOAUTH: 'MISCONFIGURED',
  WRONGPASS: 'MISCONFIGURED',
  NOPERM: 'MISCONFIGURED',
  STALE: 'TIMEOUT',
};

/** What the caller of the engine is told of a command that failed. */
export function asFailure(error: unknown, stage: BackplaneStage): BackplaneError {
  if (error instanceof BackplaneError) return error;
  if (!(error instanceof LinkError)) return nonsense(stage, String(error), error);
  const { kind, wasSent, message } = error;
  if (kind === 'reply') {
    const code = refusalIn(message);
    if (code) return new BackplaneError(stage, code, 'none', `Redis refuses: ${message}`, { cause: error });
    return new BackplaneError(stage, 'MISCONFIGURED', 'unknown', `Redis fails: ${message}`, { cause: error });
  }
  const code = kind === 'late' ? 'TIMEOUT' : 'AWAY';
  return new BackplaneError(stage, code, wasSent ? 'unknown' : 'none', message, { cause: error });
}

/** By the first word of the error. Before 7.0 Redis puts the script before the error of a command in it. */
function refusalIn(message: string): BackplaneErrorCode | undefined {
  for (const [, word = ''] of message.matchAll(/(?:^|-)([A-Z]{3,})\b/g)) if (refusals[word]) return refusals[word];
  return undefined;
}

/** A reply of another shape than the script gives. */
export function nonsense(stage: BackplaneStage, what: string, cause?: unknown): BackplaneError {
  return new BackplaneError(stage, 'NONSENSE', 'unknown', `Redis answered what makes no sense: ${what}`, { cause });
}
