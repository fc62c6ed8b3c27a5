import { NEVER, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Invocation } from '../../src/dispatch/invocation.js';
import { DispatchKit } from '../support/dispatch-kit.js';
import { RecordingOwner } from '../support/recording-owner.js';
import { planOf } from './plans.js';

/** @param id - null for a message that is no request. */
function request(id: number | null = 1, more = {}) {
  const kit = new DispatchKit();
  const owner = new RecordingOwner(kit);
  const invocation = new Invocation(owner, { ...planOf('say'), ...more }, id ?? undefined, 0);
  return { kit, owner, invocation, replier: kit.replier };
}

describe('Replier', () => {
  it('answers a request once, whatever comes later', () => {
    const { kit, owner, invocation, replier } = request();
    replier.reply(invocation, 'first');
    replier.reply(invocation, 'second');
    expect(owner.sent).toEqual([{ event: '$reply', data: 'first', id: 1 }]);
    expect(owner.settledCount).toBe(1);
    expect(kit.counters.get('late', 'say')).toBe(0);
  });

  it('answers a message that is no request by its event, and only if there is something to say', () => {
    const { owner, invocation, replier } = request(null);
    replier.reply(invocation, 'heard');
    expect(owner.sent).toEqual([{ event: 'say', data: 'heard' }]);
    const silent = request(null);
    silent.replier.reply(silent.invocation, undefined);
    expect(silent.owner.sent).toEqual([]);
  });

  it('answers a request that took too long, and counts what comes after that', () => {
    const { kit, owner, invocation, replier } = request();
    replier.timeOut(invocation);
    replier.reply(invocation, 'late');
    expect(owner.sent).toMatchObject([{ event: '$error', id: 1, data: { code: 'HANDLER_TIMEOUT' } }]);
    expect(kit.counters.get('late', 'say')).toBe(1);
  });

  it('lets a handler keep its acknowledgement, and takes the first call as the reply', () => {
    const { owner, invocation, replier } = request(1, { acknowledges: true });
    const acknowledge = replier.acknowledgement(invocation);
    replier.reply(invocation, undefined);
    expect(owner.settledCount).toBe(0);
    acknowledge('now');
    acknowledge('again');
    expect(owner.sent).toEqual([{ event: '$reply', data: 'now', id: 1 }]);
  });

  it('streams values and an end to a request, and events to a message', () => {
    const { owner, invocation, replier } = request(1, { streams: true });
    replier.stream(invocation, of(1, 2));
    expect(owner.sent).toEqual([
      { event: '$next', data: 1, id: 1 },
      { event: '$next', data: 2, id: 1 },
      { event: '$end', id: 1 },
    ]);
    expect(owner.streams.size).toBe(0);
  });

  it('refuses a stream above the limit, and lets those that are open go on', () => {
    const { kit, owner, replier } = request();
    const open = (id: number): void => {
      replier.stream(new Invocation(owner, { ...planOf('say'), streams: true }, id, 0), NEVER);
    };
    for (const id of [1, 2, 3]) open(id);
    expect(owner.sent).toMatchObject([{ event: '$error', id: 3, data: { code: 'TOO_MANY_STREAMS' } }]);
    expect(owner.openStreams).toBe(2);
    expect(kit.counters.get('error', 'TOO_MANY_STREAMS')).toBe(1);
  });

  it('ends a stream with the first value that cannot be expressed in JSON', () => {
    const { owner, invocation, replier } = request(1, { streams: true });
    const source = new Subject<unknown>();
    replier.stream(invocation, source);
    source.next(1);
    source.next(1n);
    expect(owner.sent).toMatchObject([{ event: '$next' }, { event: '$error', data: { code: 'UNENCODABLE' } }]);
    expect(source.observed).toBe(false);
  });

  it('cancels the stream of a request that took too long for its first value', () => {
    const { owner, invocation, replier } = request();
    let isOver = false;
    replier.stream(invocation, NEVER);
    invocation.stream?.add(() => (isOver = true));
    replier.timeOut(invocation);
    expect(isOver).toBe(true);
    expect(owner.sent).toMatchObject([{ event: '$error', data: { code: 'HANDLER_TIMEOUT' } }]);
  });

  it.each([
    ['a reserved event', { event: '$reply', data: 1 }],
    ['an event that is too long', { event: 'x'.repeat(33), data: 1 }],
    ['no event', { event: '', data: 1 }],
  ])('takes %s for data, not for an event to answer with', (_, result) => {
    const { owner, invocation, replier } = request();
    replier.reply(invocation, result);
    expect(owner.sent).toEqual([{ event: '$reply', data: result, id: 1 }]);
  });
});
