import { NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Conversation, conversationOf } from '../../src/dispatch/conversation.js';
import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import { closeOf, nextText } from '../support/link-kit.js';
import { DispatchKit } from '../support/dispatch-kit.js';
import { planOf } from './plans.js';

/** A conversation about one event, whose handler does what `run` does. */
async function talk(run: (data: unknown) => unknown, mode: 'plain' | 'sdk' = 'plain') {
  const kit = new DispatchKit();
  const plan: HandlerPlan = { ...planOf('say'), direct: { run: (_connection, data) => run(data) } };
  let conversation!: Conversation;
  const { link, peer } = await kit.attached(
    (of) => (conversation = new Conversation(kit.conversations, of, new Map([['say', plan]]))),
    mode,
  );
  const say = (data: unknown, id?: number): void => peer.send(JSON.stringify({ event: 'say', data, id }));
  const answer = async (): Promise<unknown> => JSON.parse(await nextText(peer));
  return { kit, conversation, link, peer, say, answer };
}

describe('Conversation', () => {
  it('keeps messages until the connection is open, and handles them in order then', async () => {
    const handled: unknown[] = [];
    const { conversation, say } = await talk((data) => handled.push(data));
    say(1);
    say(2);
    await expect.poll(() => conversation.waiting).toBe(2);
    expect(handled).toEqual([]);
    conversation.open();
    expect(handled).toEqual([1, 2]);
    expect(conversation.waiting).toBe(0);
  });

  it('is found by its connection, once the upgrade has happened', async () => {
    const { kit, conversation, link } = await talk(() => undefined);
    expect(conversationOf(link.connection)).toBe(conversation);
    expect(() => conversationOf(kit.arriving().link.connection)).toThrow(TypeError);
  });

  it.each([
    ['a binary frame', Buffer.of(1), 'BINARY_UNSUPPORTED'],
    ['what is not JSON', 'no', 'MALFORMED_FRAME'],
    ['an unknown event', '{"event":"shout"}', 'UNKNOWN_EVENT'],
    ['a reserved event', '{"event":"$hello"}', 'RESERVED_EVENT'],
  ])('answers and counts %s', async (_, frame, code) => {
    const { kit, conversation, peer, answer } = await talk(() => undefined);
    conversation.open();
    peer.send(frame);
    expect(await answer()).toMatchObject({ event: '$error', data: { code } });
    expect(kit.counters.get('violation', code)).toBe(1);
  });

  it('closes after too many violations', async () => {
    const { conversation, peer } = await talk(() => undefined);
    conversation.open();
    for (let number = 0; number < 4; number++) peer.send('no');
    expect(await closeOf(peer)).toMatchObject({ code: 4400 });
  });

  it('closes at the first frame but $hello of an SDK client that is not admitted', async () => {
    const { peer, say, answer } = await talk(() => undefined, 'sdk');
    const closed = closeOf(peer);
    say(1, 7);
    expect(await answer()).toMatchObject({ event: '$error', id: 7, data: { code: 'MALFORMED_FRAME' } });
    expect(await closed).toMatchObject({ code: 4400 });
  });

  it('gives reserved frames of SDK clients to whoever registered for them', async () => {
    const { kit, link, peer } = await talk(() => undefined, 'sdk');
    const received: unknown[] = [];
    kit.reservedFrames.register('$knock', (reply, data, id) => received.push([reply.link === link, data, id]));
    link.admit();
    peer.send('{"event":"$knock","data":"who","id":1}');
    await expect.poll(() => received).toEqual([[true, 'who', 1]]);
  });

  it('drops and counts what waits when the connection begins to end, and cancels what is at work', async () => {
    const { kit, conversation, link, say } = await talk(() => NEVER);
    conversation.open();
    say(1, 1);
    await expect.poll(() => conversation.inFlight.size).toBe(1);
    say(2, 2);
    await expect.poll(() => conversation.waiting).toBe(1);
    const idle = new Promise<void>((resolve) => conversation.onceIdle(resolve));
    link.cut();
    await idle;
    expect(kit.traffic.messagesDropped).toBe(2);
    expect(conversation.waiting).toBe(0);
    expect(kit.clock.pending).toBe(0);
  });

  it('answers a request whose handler does not finish in time', async () => {
    const { kit, conversation, say, answer } = await talk(() => new Promise(() => undefined));
    conversation.open();
    say(1, 1);
    await expect.poll(() => conversation.inFlight.size).toBe(1);
    const late = answer();
    for (let step = 0; step < 20; step++) kit.clock.advance(100);
    expect(await late).toMatchObject({ event: '$error', id: 1, data: { code: 'HANDLER_TIMEOUT' } });
    expect(conversation.inFlight.size).toBe(0);
  });
});
