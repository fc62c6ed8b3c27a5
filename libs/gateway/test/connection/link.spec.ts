import { describe, expect, it } from 'vitest';
import type { StateChange } from '../../src/connection/connection-state.js';
import type { Link, LinkObserver } from '../../src/connection/link.js';
import { Deadline } from '../../src/ground/deadline.js';
import { closeOf, CountedLease, LinkKit, nextText, RecordingReceiver } from '../support/link-kit.js';

/** Writes down what it is told of links, in order. */
class Recorder implements LinkObserver {
  readonly told: string[] = [];
  onEnded: ((link: Link) => void) | undefined;

  joined(): void {
    this.told.push('joined');
  }

  admitted(): void {
    this.told.push('admitted');
  }

  opened(): void {
    this.told.push('opened');
  }

  changed(_link: Link, { from, to }: StateChange): void {
    this.told.push(`${from} -> ${to}`);
  }

  ended(link: Link): void {
    this.told.push('ended');
    this.onEnded?.(link);
  }
}

async function linked(mode: 'plain' | 'sdk' = 'plain') {
  const recorder = new Recorder();
  const kit = new LinkKit(recorder);
  const receiver = new RecordingReceiver();
  const { link, peer } = await kit.attached(() => receiver, mode);
  return { recorder, kit, receiver, link, peer };
}

describe('Link', () => {
  it('tells of each step of its life once, and in order', async () => {
    const { recorder, link, peer } = await linked('sdk');
    link.greet();
    link.admit();
    link.open();
    link.close(1000, 'over');
    expect(await closeOf(peer)).toEqual({ code: 1000, reason: 'over' });
    link.close(4000, 'once more');
    expect(recorder.told).toEqual([
      ...['joined', 'admitted', 'admitting -> open', 'opened'],
      ...['open -> draining', 'draining -> closed', 'ended'],
    ]);
  });

  it('tells only of the end where it was abandoned during the handshake, and gives its place back', () => {
    const recorder = new Recorder();
    const lease = new CountedLease();
    const { link } = new LinkKit(recorder).arriving('plain', lease);
    link.abandon();
    expect(recorder.told).toEqual(['admitting -> closed']);
    expect(lease.released).toBe(1);
    expect(link.cause).toMatchObject({ code: 1006, initiator: 'server' });
  });

  it('has cancelled what is at work, its timers and its place before anybody hears of the end', async () => {
    const { recorder, kit, receiver, link } = await linked();
    const deadline = new Deadline(() => receiver.told.push('due'));
    link.after(deadline, 60_000);
    link.open();
    let seen: unknown;
    recorder.onEnded = ({ signal, stats }) => {
      seen = { told: [...receiver.told], timers: kit.clock.pending, aborted: signal.aborted, stats: stats.violations };
    };
    link.cut();
    await expect.poll(() => link.state).toBe('closed');
    expect(seen).toEqual({ told: ['discard', 'ended'], timers: 0, aborted: true, stats: 0 });
  });

  it('aborts its signal before observers hear of the end', async () => {
    const { recorder, link, peer } = await linked();
    const order: string[] = [];
    link.signal.addEventListener('abort', () => order.push('abort'));
    recorder.onEnded = () => order.push('ended');
    peer.close(1000);
    await expect.poll(() => link.state).toBe('closed');
    expect(order).toEqual(['abort', 'ended']);
    expect(link.signal.reason).toMatchObject({ code: 1000, initiator: 'client' });
  });

  it('schedules nothing after its end', async () => {
    const { kit, link } = await linked();
    link.cut();
    await expect.poll(() => link.state).toBe('closed');
    link.after(new Deadline(() => undefined), 10);
    expect(kit.clock.pending).toBe(0);
  });

  it('cuts a peer that does not answer its close frame', async () => {
    const { kit, link, peer } = await linked();
    peer.pause();
    link.close(1000);
    expect(link.state).toBe('draining');
    // What the wheel takes to see that time has passed, and the close of the socket, which takes a turn.
    for (let step = 0; step < 20; step++) kit.clock.advance(100);
    await expect.poll(() => link.state).toBe('closed');
    expect(link.hasClosed).toBe(false);
  });

  it.each([
    ['plain', true],
    ['sdk', false],
  ] as const)('takes events for a client of mode %s once it is attached: %s', async (mode, isTaken) => {
    const { link, peer } = await linked(mode);
    expect(link.emit('news', 1)).toBe(isTaken);
    link.admit();
    const text = nextText(peer);
    expect(link.emit('news', 2)).toBe(true);
    expect(JSON.parse(await text)).toEqual({ event: 'news', data: isTaken ? 1 : 2 });
  });

  it('says and counts what cannot be expressed in JSON, and goes on', async () => {
    const { kit, link } = await linked();
    expect(link.emit('news', 1n)).toBe(false);
    expect(kit.counters.get('error', 'UNENCODABLE')).toBe(1);
    expect(link.emit('news', 1)).toBe(true);
    expect(kit.traffic.messagesOut).toBe(1);
  });

  it('is read while there is no reason not to, and counts each reason once', async () => {
    const { kit, receiver, link, peer } = await linked();
    link.pause('inbox');
    link.pause('inbox');
    link.pause('drain');
    link.resume('inbox');
    expect(link.paused).toBe(true);
    peer.send('waits');
    link.resume('drain');
    expect(link.paused).toBe(false);
    await expect.poll(() => receiver.told).toContain('waits');
    expect(kit.counters.snapshot()).toMatchObject({ 'paused:inbox': 1, 'paused:drain': 1 });
  });

  it('reads again to see the answer to its close frame, unless the peer floods', async () => {
    const { link } = await linked();
    link.pause('inbox');
    link.pause('turn');
    link.close(1000);
    expect(link.paused).toBe(true);
    link.resume('turn');
    expect(link.paused).toBe(false);
    link.pause('inbox');
    expect(link.paused).toBe(false);
  });

  it('keeps its numbers and lets its socket go when it has ended', async () => {
    const { link, peer } = await linked();
    peer.send('hello');
    peer.close(1000);
    await expect.poll(() => link.state).toBe('closed');
    expect(link.stats.messagesIn).toBe(1);
    expect(link.stats.bytesIn).toBe(link.bytesIn);
    expect(link.send({ event: 'late' }, 'control')).toBe(false);
    await expect(link.flushed()).resolves.toBeUndefined();
  });
});
