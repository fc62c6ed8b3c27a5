import { ManualClock } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { SubscriptionProbe } from '../src/subscription-probe.js';

/** A probe, and what it has done. */
class Probed {
  readonly clock = new ManualClock();
  published = 0;
  dead = 0;
  isAway = false;
  readonly probe = new SubscriptionProbe({
    clock: this.clock,
    publish: () => {
      this.published++;
      return this.isAway ? Promise.reject(new Error('away')) : Promise.resolve();
    },
    dead: () => this.dead++,
  });

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      await Promise.resolve();
      await Promise.resolve();
    }
  }
}

it('asks nothing while messages come', async () => {
  const probed = new Probed();
  probed.probe.start();
  for (let times = 0; times < 20; times++) {
    probed.probe.heard();
    await probed.pass(2_000);
  }
  expect([probed.published, probed.dead]).toEqual([0, 0]);
});

it('asks when nothing comes, and is content with what comes back', async () => {
  const probed = new Probed();
  probed.probe.start();
  await probed.pass(5_500);
  expect(probed.published).toBe(1);
  probed.probe.heard();
  await probed.pass(4_000);
  expect(probed.dead).toBe(0);
});

it('gives a connection up that brings nothing back, and goes on with the next one', async () => {
  const probed = new Probed();
  probed.probe.start();
  await probed.pass(8_500);
  expect(probed.dead).toBe(1);
  await probed.pass(8_500);
  expect(probed.dead).toBe(2);
});

it('does not judge the subscriptions while nothing can be asked, and ends', async () => {
  const probed = new Probed();
  probed.isAway = true;
  probed.probe.start();
  await probed.pass(30_000);
  expect(probed.dead).toBe(0);
  probed.probe.stop();
  expect(probed.clock.pending).toBe(0);
});
