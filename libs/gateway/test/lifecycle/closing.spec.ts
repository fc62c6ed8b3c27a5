import { describe, expect, it } from 'vitest';
import { ConnectHooks } from '../../src/gateways/connect-hooks.js';
import { NestBindings } from '../../src/gateways/nest-binding.js';
import { PendingWork } from '../../src/ground/pending-work.js';
import { Closing } from '../../src/lifecycle/closing.js';
import { DispatchKit } from '../support/dispatch-kit.js';
import { RecordingReceiver } from '../support/link-kit.js';

/** An open connection that has disconnect hooks. */
async function connected(hooks: readonly ((reason: string) => void)[]) {
  const kit = new DispatchKit();
  const disconnectHooks = new PendingWork();
  const closing = new Closing({
    ...{ counters: kit.counters, tracing: kit.tracing, log: kit.log, clock: kit.clock, disconnectHooks },
    headerLimits: { headerBytes: 0, keepHeaders: [] },
  });
  kit.observers.register('closing', closing);
  const { link, peer } = await kit.attached(() => new RecordingReceiver());
  const binding = new NestBindings({ log: kit.log, disconnectHooks }).of(link);
  binding.disconnectCallbacks = [...hooks];
  const end = async (): Promise<void> => {
    peer.close(4_000, 'enough');
    await expect.poll(() => link.state).toBe('closed');
  };
  return { kit, link, binding, disconnectHooks, end };
}

describe('Closing', () => {
  it('counts the end by its cause, and calls the disconnect hooks with the reason', async () => {
    const told: string[] = [];
    const { kit, end } = await connected([(reason) => told.push(reason)]);
    await end();
    expect(told).toEqual(['enough']);
    expect(kit.counters.get('closed', 'APPLICATION')).toBe(1);
  });

  it('calls disconnect hooks when the signal has aborted', async () => {
    const order: string[] = [];
    const { link, end } = await connected([() => order.push('hook')]);
    link.signal.addEventListener('abort', () => order.push('abort'));
    await end();
    expect(order).toEqual(['abort', 'hook']);
  });

  it('calls every hook, whichever of them throws', async () => {
    let calls = 0;
    const failing = (): never => {
      calls++;
      throw new Error('a bug');
    };
    const { end } = await connected([failing, failing]);
    await end();
    expect(calls).toBe(2);
  });

  it('lets disconnect hooks wait for connection hooks that are still at work, and a shutdown for both', async () => {
    let isCalled = false;
    const { binding, disconnectHooks, end } = await connected([() => (isCalled = true)]);
    const hooks = new ConnectHooks(1);
    binding.connectHooks = hooks;
    await end();
    expect(isCalled).toBe(false);
    expect(disconnectHooks.size).toBe(1);
    hooks.finished();
    await disconnectHooks.settled();
    expect(isCalled).toBe(true);
  });
});
