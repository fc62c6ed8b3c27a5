import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { NestCallback } from '../../src/nest/call.js';
import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import { bindRateLimits } from '../../src/rate-limit/bound-rate-limit.js';
import { RateLimit } from '../../src/rate-limit/rate-limit.decorator.js';
import { RecordingOwner } from '../support/recording-owner.js';
import { DispatchKit } from '../support/dispatch-kit.js';
import { planOf } from './plans.js';

const request = { data: 'data', id: 1, trace: undefined, frame: '', wire: undefined };

function dispatch(run: () => unknown, more: Partial<HandlerPlan> = {}) {
  const kit = new DispatchKit();
  const owner = new RecordingOwner(kit);
  const plan: HandlerPlan = { ...planOf('say'), direct: { run }, ...more };
  const start = (): void => kit.dispatcher.start(owner, { ...request, plan });
  start();
  return { kit, owner, start };
}

describe('Dispatcher', () => {
  it.each([
    ['a value', () => 'value', { event: '$reply', data: 'value' }],
    ['a promise', () => Promise.resolve('later'), { event: '$reply', data: 'later' }],
    ['an observable of one value', () => of('one'), { event: '$reply', data: 'one' }],
    ['nothing', () => undefined, { event: '$reply', data: null }],
    ['an event of its own', () => ({ event: 'said', data: 1 }), { event: 'said', data: 1 }],
  ])('answers with %s', async (_, run, expected) => {
    const { owner } = dispatch(run);
    await expect.poll(() => owner.sent).toEqual([{ ...expected, id: 1 }]);
    expect(owner.settledCount).toBe(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bug'))],
    ['streams an error', () => throwError(() => new Error('a bug'))],
  ])('answers INTERNAL to a request whose handler %s, and tells nothing of the error', async (_, run) => {
    const { kit, owner } = dispatch(run);
    await expect.poll(() => owner.sent.length).toBe(1);
    expect(owner.sent).toEqual([
      { event: '$error', id: 1, data: { code: 'INTERNAL', message: 'Internal server error' } },
    ]);
    expect(kit.counters.get('error', 'INTERNAL')).toBe(1);
  });

  it('runs nothing of a message that its rate limit refuses', () => {
    class Gateway {
      @RateLimit({ limit: 1, windowMs: 1_000 })
      say(): void {}
    }
    let runs = 0;
    const limits = bindRateLimits(Gateway, Gateway.prototype.say, 'Gateway.say');
    const { owner, start } = dispatch(() => ++runs, { limits });
    start();
    expect(runs).toBe(1);
    expect(owner.sent).toMatchObject([{ event: '$reply' }, { event: '$error', data: { code: 'RATE_LIMITED' } }]);
  });

  it("runs Nest's chain of the connection where the handler needs it, with an acknowledgement where it wants one", async () => {
    const kit = new DispatchKit();
    const owner = new RecordingOwner(kit);
    const callback: NestCallback = async (data, event, _call, acknowledge) => acknowledge?.([data, event]);
    owner.callbacks = [callback];
    const plan = { ...planOf('say'), acknowledges: true };
    kit.dispatcher.start(owner, { ...request, plan });
    await expect.poll(() => owner.sent).toEqual([{ event: '$reply', data: ['data', 'say'], id: 1 }]);
  });

  it('says which handler Nest has not bound', () => {
    const { owner } = dispatch(() => undefined, { direct: undefined });
    expect(owner.sent).toMatchObject([{ event: '$error', data: { code: 'INTERNAL' } }]);
  });

  it('measures from the turn of a message to its answer', async () => {
    const kit = new DispatchKit();
    const owner = new RecordingOwner(kit);
    let finish!: (value: unknown) => void;
    const plan: HandlerPlan = { ...planOf('say'), direct: { run: () => new Promise((resolve) => (finish = resolve)) } };
    kit.dispatcher.start(owner, { ...request, plan });
    kit.clock.advance(40);
    finish('done');
    await expect.poll(() => kit.measured).toEqual([['OK', 40]]);
  });
});
