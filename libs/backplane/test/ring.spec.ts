import { describe, expect, it } from 'vitest';
import type { Publication } from '../src/index.js';
import { newHubCounts } from '../src/rooms/hub-counts.js';
import { Ring, Rings } from '../src/rooms/ring.js';
import { Stash } from '../src/rooms/stash.js';

const publication = (offset: number, bytes = 1, epoch = 'e'): Publication => ({
  ...{ epoch, offset, room: 'room', at: 0 },
  item: new Uint8Array(bytes),
});

describe('a ring', () => {
  it('covers what it has everything after', () => {
    const ring = new Ring(new Rings(1_000, newHubCounts()), 3);
    expect(ring.covers(0)).toBe(false);
    for (let offset = 5; offset <= 9; offset++) ring.add(publication(offset));
    expect([5, 6, 7, 9].map((offset) => ring.covers(offset))).toEqual([false, true, true, true]);
    expect([ring.after(6)?.offset, ring.after(9), ring.oldest?.offset, ring.newest?.offset]).toEqual([
      7,
      undefined,
      7,
      9,
    ]);
  });

  it('keeps what came for one period at least and two at most', () => {
    const rings = new Rings(1_000, newHubCounts());
    const ring = new Ring(rings, 100);
    ring.add(publication(1));
    rings.age();
    ring.add(publication(2));
    expect(ring.oldest?.offset).toBe(1);
    rings.age();
    expect(ring.oldest?.offset).toBe(2);
    rings.age();
    expect([ring.isEmpty, rings.bytes]).toEqual([true, 0]);
  });

  it('begins anew in another log', () => {
    const rings = new Rings(1_000, newHubCounts());
    const ring = new Ring(rings, 100);
    ring.add(publication(50));
    rings.age();
    ring.clear();
    ring.add(publication(3));
    rings.age();
    expect(ring.oldest?.offset).toBe(3);
  });
});

describe('the rings of a node', () => {
  it('stay within their bytes: the one that was filled first is emptied', () => {
    const counts = newHubCounts();
    const rings = new Rings(1_000, counts);
    const [one, other, third] = [new Ring(rings, 10), new Ring(rings, 10), new Ring(rings, 10)];
    one.add(publication(1, 400));
    other.add(publication(1, 400));
    one.add(publication(2, 100));
    expect([rings.bytes, counts.ringsEmptied]).toEqual([900, 0]);
    third.add(publication(1, 200));
    expect([one.isEmpty, other.isEmpty, third.isEmpty]).toEqual([true, false, false]);
    one.add(publication(3, 400));
    one.add(publication(4, 100));
    expect([one.isEmpty, other.isEmpty, third.isEmpty]).toEqual([false, true, false]);
    expect([rings.bytes, counts.ringsEmptied]).toEqual([700, 2]);
  });

  it('hold nothing of what is larger than all of them', () => {
    const rings = new Rings(1_000, newHubCounts());
    const ring = new Ring(rings, 10);
    ring.add(publication(1, 5_000));
    expect([ring.isEmpty, rings.bytes]).toEqual([true, 0]);
  });
});

describe('a stash', () => {
  it('gives what comes next, and forgets what has come', () => {
    const stash = new Stash(10);
    for (const offset of [7, 3, 5, 4, 4]) stash.add(publication(offset));
    expect(stash.takeAfter('e', 3, false)?.offset).toBe(4);
    expect(stash.takeAfter('e', 4, false)?.offset).toBe(5);
    expect(stash.takeAfter('e', 5, false)).toBeUndefined();
    expect([stash.isEmpty, stash.clear(), stash.isEmpty, stash.clear()]).toEqual([false, true, true, false]);
  });

  it('gives the newest where some may be left out', () => {
    const stash = new Stash(10);
    for (const offset of [7, 3, 9, 8]) stash.add(publication(offset));
    stash.add(publication(20, 1, 'other'));
    expect(stash.takeAfter('e', 5, true)?.offset).toBe(9);
    expect(stash.takeAfter('e', 9, true)).toBeUndefined();
    expect(stash.takeAfter('other', 9, true)?.offset).toBe(20);
    expect(stash.isEmpty).toBe(true);
  });

  it('holds so many, and remembers that there were more', () => {
    const stash = new Stash(2);
    for (const offset of [1, 2, 3]) stash.add(publication(offset));
    expect([stash.takeAfter('e', 0, false)?.offset, stash.takeAfter('e', 1, false)?.offset]).toEqual([1, 2]);
    expect(stash.isEmpty).toBe(false);
    expect(stash.clear()).toBe(true);
  });
});
