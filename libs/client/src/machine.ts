import { type CloseCode, type DrainData, maxWaitMs, retryRule } from '@holdfast/protocol';
import { type BackoffOptions, longestWaitMs } from './backoff.js';
import type { HoldfastError } from './errors.js';
import type { Random } from './ports.js';
import { type Cause, type ConnectionState, isFinal, type StateChange } from './state.js';

/** How an attempt or connection ended. */
export interface Ending {
  readonly cause: 'server' | 'network' | 'timeout' | 'silence' | 'token' | 'protocol';
  readonly code?: number;
  readonly reason?: string;
  readonly error?: HoldfastError;
  /** The one that was sent last. */
  readonly token?: string;
  /** The page or machine had just come back, so that it is alone in its return and need not wait. */
  readonly wokenUp?: boolean;
  /** Milliseconds over which the server wants its clients to spread should it crash. */
  readonly windowMs?: number;
}

export type Input =
  | { readonly type: 'connect' | 'close' | 'welcome' | 'handover' | 'moved' | 'retry' | 'online' | 'wake' }
  | { readonly type: 'drain'; readonly drain: DrainData }
  | { readonly type: 'ended'; readonly ending: Ending };

// By type only: the catalogue with its causes and remedies would be half of what browsers load.
const normal: (typeof CloseCode)['NORMAL'] = 1000;
const unauthorized: (typeof CloseCode)['UNAUTHORIZED'] = 4401;

/**
 * How long until we look again for a network, should nobody tell us that it is back: never at once, which would not
 * end.
 */
const offlineMs = 5_000;

/** A server that asks for more is not right in its numbers. */
const longestWindowMs = 30_000;

/** A path that is missing so often, with such pauses, is no deploy that is under way. */
const missingTimes = 3;
const missingPauseMs = 30_000;

/** All that the machine remembers. */
export interface Machine {
  readonly state: ConnectionState;
  /** Attempts to come back since the last stable connection. */
  readonly attempts: number;
  /** Attempts to move to another server since then. */
  readonly moves: number;
  /** Monotonic. */
  readonly openedAt: number;
  /** Monotonic: nothing hastens an attempt to a time before. */
  readonly hastenAt: number;
  /** What the server advertised for the return, until it is used. */
  readonly drain?: DrainData;
  /** Milliseconds since the Unix epoch: nothing but the timer begins an attempt before. */
  readonly notBefore: number;
  /** Attempts after which the client gives up, where they are more than `maxAttempts`: it had given up before. */
  readonly limit?: number;
  /** How often the server has said that nothing listens on the path. */
  readonly missing?: Missing;
  /** How a token was refused, until a connection with another one is stable. */
  readonly refused?: Ending;
  /** The last one. */
  readonly change?: StateChange;
}

interface Missing {
  readonly times: number;
  /** The last one that was counted. Monotonic. */
  readonly at: number;
}

/** What a step depends on besides the machine. */
export interface Facts {
  readonly now: number;
  readonly wallNow: number;
  readonly isOnline: boolean;
  readonly random: Random;
  readonly policy: Policy;
}

/** What the application decided. */
export interface Policy {
  readonly backoff: BackoffOptions;
  /** Whether there is somebody to ask for another token. */
  readonly canRenewToken: boolean;
  /** What the application says of its own close codes. Never throws. */
  readonly comesBack: (code: number, reason: string) => boolean;
}

export const idleMachine: Machine = { state: 'idle', attempts: 0, moves: 0, openedAt: 0, hastenAt: 0, notBefore: 0 };

/**
 * The next state and memory; a new `change` tells of a change. Pure: sockets and timers belong to the caller.
 */
export function step(machine: Machine, input: Input, facts: Facts): Machine {
  const { state } = machine;
  switch (input.type) {
    case 'close':
      return state === 'closed' ? machine : enter(machine, { ...idleMachine, state: 'closed' }, { cause: 'close' });
    case 'welcome':
      if (state !== 'connecting') return machine;
      return enter(machine, { ...machine, state: 'open', openedAt: facts.now }, { cause: 'welcome' });
    case 'handover':
      return state === 'open' ? { ...rested(machine, facts), moves: movesOf(machine, facts) + 1 } : machine;
    case 'moved':
      if (state !== 'open') return machine;
      return enter(machine, { ...machine, drain: undefined, openedAt: facts.now }, { cause: 'handover' });
    case 'drain':
      return state === 'open' ? { ...machine, drain: input.drain } : machine;
    case 'ended':
      return state === 'connecting' || state === 'open' ? afterEnding(machine, input.ending, facts) : machine;
    case 'retry':
      if (state !== 'waiting') return machine;
      if (facts.isOnline) return attempt(machine, 'retry');
      // An attempt that is sure to fail would only bring the limit closer.
      return enter(machine, machine, { cause: 'offline', nextAttemptAt: facts.wallNow + offlineMs });
    case 'connect':
      if (state !== 'idle' && !isFinal(state)) return hurry(machine, input.type, facts);
      return enter(machine, { ...idleMachine, state: 'connecting' }, { cause: 'connect' });
    case 'online':
    case 'wake':
      return hurry(machine, input.type, facts);
  }
}

/** How long a handover waits before its next attempt, so that a server cannot ask for more than it gets otherwise. */
export function handoverWaitMs(machine: Machine, facts: Facts): number {
  const moves = movesOf(machine, facts);
  return moves && facts.random.next() * longestWaitMs(moves, facts.policy.backoff);
}

function isStable({ state, openedAt }: Machine, { now, policy }: Facts): boolean {
  return state === 'open' && now - openedAt >= policy.backoff.stableMs;
}

/**
 * They count apart from attempts to come back: a client that has just lost a server may be asked to move by the next
 * one.
 */
function movesOf(machine: Machine, facts: Facts): number {
  return isStable(machine, facts) ? 0 : machine.moves;
}

/** A stable connection makes up for what was before it, once. */
function rested(machine: Machine, facts: Facts): Machine {
  const afresh = { attempts: 0, moves: 0, limit: undefined, refused: undefined, openedAt: facts.now };
  return isStable(machine, facts) ? { ...machine, ...afresh } : machine;
}

/** Whether all attempts failed, and a network or page that is back is a reason for more of them. */
export function hasGivenUp({ state, change }: Machine, { backoff }: Policy): boolean {
  return state === 'failed' && change?.cause === 'attempts' && backoff.maxAttempts > 0;
}

/** There is a reason to wait no longer: at once the first time, and then no sooner than `firstMs` after the loss. */
function hurry(machine: Machine, cause: Cause, { now, wallNow, policy }: Facts): Machine {
  const { state, attempts, hastenAt, notBefore, change } = machine;
  // More attempts, but no shorter waits: those would depend on how often a page is shown.
  const again = hasGivenUp(machine, policy) && { ...machine, limit: attempts + policy.backoff.maxAttempts };
  if (!again && (state !== 'waiting' || wallNow < notBefore)) return machine;
  const restMs = Math.max(hastenAt - now, notBefore - wallNow);
  if (restMs <= 0) return attempt(again || machine, cause);
  const nextAttemptAt = wallNow + restMs;
  // Safe: while waiting the last change has a time.
  if (!again && nextAttemptAt >= (change?.nextAttemptAt as number)) return machine;
  // What happens until then hastens nothing more.
  const waiting: Machine = { ...(again || machine), state: 'waiting', notBefore: nextAttemptAt };
  return enter(machine, waiting, { cause, nextAttemptAt });
}

function attempt(machine: Machine, cause: Cause): Machine {
  return enter(machine, { ...machine, state: 'connecting', attempts: machine.attempts + 1 }, { cause });
}

function afterEnding(before: Machine, ending: Ending, facts: Facts): Machine {
  const { token, wokenUp, windowMs, ...told } = ending;
  const { canRenewToken } = facts.policy;
  const missing = missed(before.missing, told, facts.now);
  const machine: Machine = { ...rested(before, facts), missing };

  const mayRenew = told.code === unauthorized && canRenewToken && !machine.refused;
  const next = mayRenew ? 'waiting' : missing?.times === missingTimes ? 'failed' : stateAfter(told, facts.policy);
  if (next !== 'waiting') return enter(machine, { ...idleMachine, state: next }, told);
  // Whoever was offline, or heard nothing for a while, has lost its server alone.
  const spreadMs = told.cause === 'network' && facts.isOnline ? windowMs : 0;
  return wait(mayRenew ? { ...machine, refused: ending } : machine, told, facts, wokenUp, spreadMs);
}

/** A proxy answers 404 during a deploy, and so may a node that is older than the page: only what lasts counts. */
function missed(before: Missing | undefined, { cause, error }: Ending, now: number): Missing | undefined {
  if (cause !== 'network' || error?.code !== 'PATH_NOT_FOUND') return undefined;
  if (before && now - before.at < missingPauseMs) return before;
  return { times: (before?.times ?? 0) + 1, at: now };
}

/** PROTOCOL.md 13. Without a code it was our own impatience, which is no close either: we come back. */
function stateAfter({ code = 0, reason = '' }: Ending, policy: Policy): 'waiting' | 'closed' | 'failed' {
  const rule = retryRule(code);
  if (rule === 'application') return policy.comesBack(code, reason) ? 'waiting' : 'closed';
  if (rule === 'return') return 'waiting';
  return code === normal ? 'closed' : 'failed';
}

function wait(machine: Machine, told: Told, facts: Facts, wokenUp?: boolean, spreadMs = 0): Machine {
  const { drain, attempts } = machine;
  const { now, wallNow, random, policy } = facts;
  const chance = random.next();
  // PROTOCOL.md 10.7. Later waits are spread already, because the first one was.
  const longestMs = longestWaitMs(attempts, policy.backoff);
  const backoffMs = chance * (attempts ? longestMs : Math.max(longestMs, Math.min(spreadMs, longestWindowMs)));
  const askedMs = drain?.retryAfterMs ?? Math.min(told.error?.retryAfterMs ?? 0, maxWaitMs);
  const givenMs = askedMs + (drain ? chance * drain.windowMs : wokenUp ? 0 : backoffMs);
  // From the second return on nothing shortens the backoff, until a connection was stable (PROTOCOL.md 10.2).
  const nextAttemptAt = wallNow + Math.max(givenMs, attempts && backoffMs);
  // Not the present time when nothing was asked: the clock may be set back.
  const notBefore = askedMs && wallNow + askedMs;
  const hastenAt = attempts && now + policy.backoff.firstMs;
  const next: Machine = { ...machine, drain: undefined, hastenAt, notBefore };
  return attempts < (machine.limit ?? policy.backoff.maxAttempts)
    ? enter(machine, { ...next, state: 'waiting' }, { ...told, nextAttemptAt })
    : enter(machine, { ...next, state: 'failed' }, { ...told, cause: 'attempts' });
}

type Told = Omit<StateChange, 'from' | 'to' | 'attempts'>;

function enter(from: Machine, machine: Machine, told: Told): Machine {
  return { ...machine, change: { from: from.state, to: machine.state, attempts: machine.attempts, ...told } };
}
