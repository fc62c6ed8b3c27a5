import { describe, expect, it } from 'vitest';
import { bench, tick } from './slow-socket.js';

const ten = '0123456789';

describe('the outbox writes', () => {
  it('what was sent in one tick in one write, and the next tick in another', async () => {
    const { outbox, socket } = bench({}, 1_000);
    for (let index = 0; index < 50; index++) outbox.offerText(String(index % 10));
    outbox.controlText('!');
    outbox.answerText('?');
    expect(socket.writes).toEqual([]);
    await tick();
    expect(socket.writes).toEqual([`${ten.repeat(5)}!?`]);
    await socket.takeChunk();
    outbox.offerText('later');
    await tick();
    expect(socket.writes).toHaveLength(2);
  });

  it('no more into the socket than it has room for; the rest waits and goes in order', async () => {
    const { outbox, socket } = bench({ highWaterBytes: 1_000 });
    for (const text of ['a', 'b', 'c', 'd', 'e']) outbox.offerText(text.repeat(10));
    expect(outbox.depth).toBe(3);
    expect(socket.writableLength).toBe(20);
    await socket.takeAll();
    expect(outbox.depth).toBe(0);
    expect(socket.sent).toBe(['a', 'b', 'c', 'd', 'e'].map((text) => text.repeat(10)).join(''));
  });

  it('control frames before all data that waits, in their own order', async () => {
    const { outbox, socket } = bench({ highWaterBytes: 1_000 });
    for (const text of ['a', 'b', 'c', 'd']) outbox.offerText(text.repeat(10));
    outbox.controlText('<1>');
    outbox.controlText('<2>');
    await socket.takeAll();
    expect(socket.sent).toBe(`${'a'.repeat(10)}${'b'.repeat(10)}<1><2>${'c'.repeat(10)}${'d'.repeat(10)}`);
  });

  it('and counts what waits by its bytes, not by its characters', () => {
    const { outbox } = bench({ highWaterBytes: 1_000 });
    outbox.offerText('x'.repeat(16));
    const before = outbox.bytes;
    outbox.offerText('€'.repeat(10));
    expect(outbox.bytes - before).toBe(30);
  });
});

describe('a client that does not keep up', () => {
  it('is congested from the high mark to the low one, once each', async () => {
    const { outbox, socket, owner } = bench();
    for (let index = 0; index < 9; index++) expect(outbox.offerText(ten)).toBe(true);
    expect(owner.congestions).toEqual([]);
    expect(outbox.offerText(ten)).toBe(true);
    expect(owner.congestions).toEqual([true]);
    expect(outbox.offerText(ten)).toBe(false);
    await socket.takeAll();
    expect(owner.congestions).toEqual([true, false]);
    expect(outbox.offerText(ten)).toBe(true);
  });

  it('stays congested between the marks', async () => {
    const { outbox, socket, owner } = bench();
    while (outbox.offerText(ten));
    // Of 100 bytes the socket holds 20 at a time.
    for (const left of [80, 60, 40]) {
      await socket.takeChunk();
      expect(outbox.bytes).toBe(left);
      expect(outbox.offerText(ten)).toBe(false);
    }
    await socket.takeChunk();
    expect(outbox.bytes).toBe(20);
    expect(owner.congestions).toEqual([true, false]);
  });

  it('is noticed again also where the marks are below what the socket calls full', async () => {
    const { outbox, socket, owner } = bench({ highWaterBytes: 100 }, 10_000);
    while (outbox.offerText(ten));
    expect(owner.congestions).toEqual([true]);
    outbox.answerText(ten.repeat(5));
    await socket.takeAll();
    expect(owner.congestions).toEqual([true, false]);
    expect(outbox.offerText(ten)).toBe(true);
  });

  it('is congested at once by one large answer', () => {
    const { outbox, owner } = bench();
    outbox.answerText('x'.repeat(1_000));
    expect(owner.congestions).toEqual([true]);
    expect(owner.overflows).toBe(0);
  });

  it('is refused events under `refuse`, and each refusal is told', () => {
    const { outbox, owner } = bench({ overflow: 'refuse' });
    while (outbox.offerText(ten));
    expect(outbox.offerText(ten)).toBe(false);
    expect(owner).toMatchObject({ refusals: 2, drops: 0, overflows: 0 });
  });

  it('misses events under `drop`, and each is counted', () => {
    const { outbox, owner } = bench({ overflow: 'drop' });
    while (outbox.offerText(ten));
    expect(outbox.offerText(ten)).toBe(false);
    expect(owner).toMatchObject({ refusals: 0, drops: 2, overflows: 0 });
  });

  it('is given up under `close`', () => {
    const { outbox, owner } = bench({ overflow: 'close' });
    while (outbox.offerText(ten));
    expect(owner).toMatchObject({ refusals: 0, drops: 0, overflows: 1 });
  });

  it.each(['close', 'refuse', 'drop'] as const)('has its answers up to twice the mark (%s)', (overflow) => {
    const { outbox, owner } = bench({ overflow });
    for (let index = 0; index < 21; index++) outbox.answerText(ten);
    expect(owner).toMatchObject({ refusals: 0, drops: 0, overflows: 0 });
    expect(outbox.bytes).toBe(210);
    outbox.answerText(ten);
    expect(owner.overflows).toBe(1);
    expect(outbox.bytes).toBe(210);
  });

  it('cannot pile up control frames, however many it asks for', async () => {
    const { outbox, socket, owner } = bench({ highWaterBytes: 100 });
    for (let index = 0; index < 10; index++) outbox.controlText(ten);
    expect(owner.overflows).toBe(0);
    outbox.controlText(ten);
    expect(owner.overflows).toBe(1);
    expect(socket.writableLength).toBe(100);
    await socket.takeAll();
    outbox.controlText(ten);
    expect(owner.overflows).toBe(1);
  });

  it('has control frames beside data for as long as it reads', async () => {
    const { outbox, socket, owner } = bench({ highWaterBytes: 100 }, 10_000);
    for (let index = 0; index < 100; index++) {
      outbox.offerText('x');
      outbox.controlText(ten);
      await socket.takeChunk();
    }
    expect(owner.overflows).toBe(0);
    expect(socket.sent).toHaveLength(1_100);
  });
});

describe('what waits', () => {
  it('is gone when it is discarded, and who waited for it is told', () => {
    const { outbox } = bench({ highWaterBytes: 1_000 });
    for (let index = 0; index < 9; index++) outbox.offerText(ten);
    let told = 0;
    outbox.onceEmpty(() => told++);
    expect(told).toBe(0);
    outbox.discard();
    expect([told, outbox.depth, outbox.bytes]).toEqual([1, 0, 20]);
  });

  it('is waited for until the last of it is in the socket, once', async () => {
    const { outbox, socket } = bench({ highWaterBytes: 1_000 });
    const seen: number[] = [];
    outbox.onceEmpty(() => seen.push(-1));
    for (let index = 0; index < 5; index++) outbox.offerText(ten);
    outbox.onceEmpty(() => seen.push(outbox.depth));
    expect(seen).toEqual([-1]);
    await socket.takeAll();
    expect(seen).toEqual([-1, 0]);
  });

  it('may be discarded by its owner in the middle of everything', async () => {
    const { outbox, socket, owner } = bench({ overflow: 'close' });
    owner.onOverflow = () => {
      outbox.discard();
    };
    while (outbox.offerText(ten));
    await socket.takeAll();
    expect(outbox.bytes).toBe(0);
    expect(socket.sent).toBe(ten.repeat(2));
  });

  it('goes nowhere when the socket is destroyed, and nothing throws', async () => {
    const { outbox, socket, owner } = bench({ highWaterBytes: 100 }, 1_000);
    while (outbox.offerText(ten));
    socket.destroy();
    await tick();
    outbox.controlText(ten);
    outbox.answerText(ten);
    await tick();
    expect(owner.congestions).toEqual([true]);
  });
});
