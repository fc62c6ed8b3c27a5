import { describe, expect, it } from 'vitest';
import { Verifications } from '../../src/connection/verifications.js';

class Peer {
  readonly closes: unknown[] = [];

  close(code: number, reason: string): void {
    this.closes.push([code, reason]);
  }
}

const banned = { code: 4410, reason: 'banned' };

describe('Verifications', () => {
  it('end the connection of whoever turns out to be one whose access was withdrawn meanwhile', () => {
    const verifications = new Verifications();
    const [ada, bob] = [new Peer(), new Peer()];
    const [ofAda, ofBob] = [verifications.begin(ada), verifications.begin(bob)];
    verifications.withdraw('ada', banned);
    expect([ofAda.withdrawnFrom('ada'), ofBob.withdrawnFrom('bob')]).toEqual(['banned', undefined]);
    expect([ada.closes, bob.closes]).toEqual([[[4410, 'banned']], []]);
  });

  it('know nothing of what was withdrawn before they began', () => {
    const verifications = new Verifications();
    verifications.withdraw('ada', banned);
    expect(verifications.begin(new Peer()).withdrawnFrom('ada')).toBeUndefined();
  });

  it('of one connection do not end each other', () => {
    const verifications = new Verifications();
    const peer = new Peer();
    const [first, second] = [verifications.begin(peer), verifications.begin(peer)];
    first.end();
    verifications.withdraw('ada', banned);
    expect([first.withdrawnFrom('ada'), second.withdrawnFrom('ada')]).toEqual([undefined, 'banned']);
  });

  it('that never end are forgotten with their connection', () => {
    const verifications = new Verifications();
    const peer = new Peer();
    const hanging = verifications.begin(peer);
    verifications.forget(peer);
    verifications.withdraw('ada', banned);
    hanging.end();
    expect([hanging.withdrawnFrom('ada'), peer.closes]).toEqual([undefined, []]);
  });
});
