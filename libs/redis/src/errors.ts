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
    // Redis names the script before the error that a command in it has met.
    const word = /\b(?:ERR )?([A-Z]{3,})\b/.exec(message)?.[1] ?? '';
    const code = refusals[word];
    if (code) return new BackplaneError(stage, code, 'none', `Redis refuses: ${message}`, { cause: error });
    return new BackplaneError(stage, 'MISCONFIGURED', 'unknown', `Redis fails: ${message}`, { cause: error });
  }
  const code = kind === 'late' ? 'TIMEOUT' : 'AWAY';
  return new BackplaneError(stage, code, wasSent ? 'unknown' : 'none', message, { cause: error });
}

/** A reply of another shape than the script gives. */
export function nonsense(stage: BackplaneStage, what: string, cause?: unknown): BackplaneError {
  return new BackplaneError(stage, 'NONSENSE', 'unknown', `Redis answered what makes no sense: ${what}`, { cause });
}
