import { type Joined, type Position, type Publication, type RoomPolicy, roomKindOf } from '@holdfast/backplane';
import type { Place, SimFrame } from './sim-frame.js';
import { textOf, type Truth } from './truth.js';

/** A room of the simulation. */
export interface SimRoom {
  readonly name: string;
  readonly policy: RoomPolicy;
  readonly truth: Truth;
}

/** A broken guarantee. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/**
 * Compares a frame to a client with what the engine has stored.
 *
 * @param at - position of the client before the frame: the one it presented, or the last one it was sent; null: none
 * @returns its position after the frame
 * @throws Violation
 */
export function checkFrame(room: SimRoom, at: Place | null, frame: SimFrame): Place | null {
  if (frame.kind === 'joined') return checkJoined(room, at, frame.joined);
  if (frame.kind === 'publication') return checkPublication(room, at, frame.publication);
  const { position, dropped } = frame;
  const isRight =
    room.policy.slow === 'skip' &&
    at?.epoch === position.epoch &&
    dropped > 0 &&
    position.offset === at.offset + dropped;
  if (!isRight) throw new Violation(`skip to ${show(position)} (${dropped}) from ${show(at)}`);
  return position;
}

function checkJoined(room: SimRoom, at: Position | null, joined: Joined): Position | null {
  const { position } = joined;
  if (roomKindOf(room.policy.history) === 'ephemeral') {
    if (position !== null) throw new Violation(`a position in an ephemeral room: ${show(position)}`);
    return null;
  }
  if (position === null) throw new Violation('no position in a room with history');
  if (joined.recovered) checkRecovered(room, at, position, joined.undone);
  else checkReason(room, at, position, joined.reason);
  return position;
}

function checkRecovered({ policy, truth }: SimRoom, at: Position | null, position: Position, undone: number): void {
  if (position.offset > truth.topOf(position.epoch)) throw new Violation(`joined above the top: ${show(position)}`);
  if (at === null) {
    if (undone > 0) throw new Violation(`${undone} undone of nothing`);
    return;
  }
  const common = truth.commonOffset(at, position.epoch);
  const whole = common !== undefined && (position.offset === common || roomKindOf(policy.history) === 'latest');
  if (!whole) throw new Violation(`recovered at ${show(position)} from ${show(at)}: common is ${common}`);
  if (undone !== at.offset - common) throw new Violation(`${undone} undone at ${show(position)} from ${show(at)}`);
}

function checkReason({ policy, truth }: SimRoom, at: Position | null, position: Position, reason: string): void {
  if (at === null) throw new Violation(`broken (${reason}) without a position`);
  const common = truth.commonOffset(at, position.epoch);
  const isTrue = {
    epoch: common === undefined,
    trimmed:
      common !== undefined &&
      (truth.mayBeTrimmed({ epoch: position.epoch, offset: common }, position.epoch) || policy.history.size === 1),
    'too-many': common !== undefined && truth.topOf(position.epoch) - common > policy.maxRecovered,
  }[reason];
  if (isTrue !== true)
    throw new Violation(`broken (${reason}) at ${show(position)} from ${show(at)}: common is ${common}`);
}

function checkPublication({ policy, truth }: SimRoom, at: Place | null, publication: Publication): Place | null {
  if (roomKindOf(policy.history) === 'ephemeral') return null;
  const { epoch, offset } = publication;
  const isNext = at?.epoch === epoch && (policy.history.size === 1 ? offset > at.offset : offset === at.offset + 1);
  if (!isNext) throw new Violation(`${show(publication)} after ${show(at)}`);
  const text = textOf(publication.item);
  const expected = truth.itemAt(publication);
  if (text !== expected) throw new Violation(`${show(publication)} is ${text}, stored was ${expected}`);
  if (at.text !== undefined && truth.itemAt(at) !== at.text) {
    throw new Violation(`${show(publication)} after ${at.text}, which is no longer at ${show(at)}`);
  }
  return { epoch, offset, text };
}

export function show(position: Position | null | undefined): string {
  return position ? `${position.epoch}/${position.offset}` : 'nowhere';
}

export function showFrame(frame: SimFrame): string {
  const { kind, room } = frame;
  if (kind === 'publication') return `${room} ${show(frame.publication)} ${textOf(frame.publication.item)}`;
  if (kind === 'skipped') return `${room} skipped ${frame.dropped} to ${show(frame.position)}`;
  const { joined } = frame;
  return `${room} joined ${show(joined.position)} ${joined.recovered ? `undone ${joined.undone}` : joined.reason}`;
}
