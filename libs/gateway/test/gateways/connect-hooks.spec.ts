import { describe, expect, it, vi } from 'vitest';
import { ConnectHooks } from '../../src/gateways/connect-hooks.js';
import { PendingWork } from '../../src/ground/pending-work.js';

describe('PendingWork', () => {
  it('waits for what is added while it waits, and forgets what has settled, also what has failed', async () => {
    const work = new PendingWork();
    const order: string[] = [];
    work.add(
      Promise.resolve().then(() => {
        order.push('first');
        work.add(Promise.reject(new Error('a failure')));
        work.add(
          Promise.resolve().then(() => {
            order.push('second');
          }),
        );
      }),
    );
    expect(work.size).toBe(1);
    await work.settled();
    expect([order, work.size]).toEqual([['first', 'second'], 0]);
  });
});

/** What a promise has come to when everything that was due is done. */
async function outcome(promise: Promise<void>): Promise<string> {
  let result = 'pending';
  promise.then(
    () => (result = 'resolved'),
    () => (result = 'rejected'),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return result;
}

describe('ConnectHooks', () => {
  it('are done and settled at once when there are none', async () => {
    const hooks = new ConnectHooks(0);
    expect([await outcome(hooks.done), await outcome(hooks.settled)]).toEqual(['resolved', 'resolved']);
  });

  it('may fail when nobody waits, which is no unhandled rejection', async () => {
    const unhandled = vi.fn();
    process.once('unhandledRejection', unhandled);
    new ConnectHooks(1).fail(new Error('a failure'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('fail by the first failure, but are settled only when the last is over', async () => {
    const hooks = new ConnectHooks(2);
    hooks.fail(new Error('a failure'));
    expect([await outcome(hooks.done), await outcome(hooks.settled)]).toEqual(['rejected', 'pending']);
    hooks.finished();
    expect([await outcome(hooks.done), await outcome(hooks.settled)]).toEqual(['rejected', 'resolved']);
  });

  it('are over when they are given up, and what comes later changes nothing', async () => {
    const hooks = new ConnectHooks(2);
    hooks.finished();
    hooks.giveUp(new Error('too late'));
    hooks.fail(new Error('a failure'));
    await expect(hooks.done).rejects.toThrow('too late');
    expect(await outcome(hooks.settled)).toBe('resolved');
  });
});
