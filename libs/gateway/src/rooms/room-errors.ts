import { BackplaneError } from '@holdfast/backplane';
import { HoldfastException } from '../errors/index.js';

/** @throws HoldfastException `UNAVAILABLE` for what the engine has rejected. */
export function unavailable(error: unknown): never {
  if (!(error instanceof BackplaneError)) throw error;
  const message =
    error.outcome === 'none' ? 'The room is not available at the moment' : 'Whether it was published is not known';
  throw new HoldfastException('UNAVAILABLE', message, { outcome: error.outcome }, { cause: error });
}
