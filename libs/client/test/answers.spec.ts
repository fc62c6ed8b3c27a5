import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/index.js';
import type { ScriptedSocket } from './support/scripted-socket.js';
import { settled, World } from './support/world.js';

/** A client whose server may stop reading: from then on what is sent waits in the socket. */
async function opened(options: ClientOptions = {}) {
  const world = new World();
  const network = { isRead: true };
  class Socket extends world.WebSocket {
    // Safe: the class of the world has it.
    declare bufferedAmount: number;

    override send(text: string): void {
      super.send(text);
      if (!network.isRead) this.bufferedAmount += text.length;
    }
  }
  const tested = world.client({ WebSocket: Socket, ...options });
  tested.client.connect();
  await settled();
  const socket: ScriptedSocket = world.socket.welcome();
  const sent = (event: string) => socket.sent.filter((frame) => frame.event === event);
  /** It reads again, and all that waited. */
  const reads = (): void => {
    network.isRead = true;
    socket.bufferedAmount = 0;
  };
  return { world, tested, socket, network, sent, reads };
}

describe('a server that does not read', () => {
  it('and pings all the time has one answer waiting, and is answered again when it has read (8.6)', async () => {
    const { socket, network, sent, reads } = await opened();
    network.isRead = false;
    for (let n = 0; n < 100_000; n++) socket.say('$ping', { n });
    expect(sent('$pong')).toEqual([{ event: '$pong', data: { n: 0 } }]);
    expect(socket.bufferedAmount).toBeLessThan(100);
    reads();
    socket.say('$ping', { n: 7 }).say('$ping', { n: 8 });
    expect(sent('$pong').map(({ data }) => data)).toEqual([{ n: 0 }, { n: 7 }, { n: 8 }]);
  });

  it('and pings has the messages of the application for a sign of life (8.6)', async () => {
    const { tested, socket, network, sent } = await opened();
    network.isRead = false;
    tested.client.emit('news');
    socket.say('$ping', { n: 1 });
    expect(sent('$pong')).toEqual([]);
  });

  it('and asks for fresh tokens all the time has one waiting (9.7)', async () => {
    let asked = 0;
    const { world, tested, socket, network, sent, reads } = await opened({ token: () => `t${++asked}` });
    network.isRead = false;
    for (let round = 0; round < 360; round++) {
      socket.say('$refresh', { expiresInMs: 60_000 }).say('$ping', { n: round });
      await settled();
      world.clock.advance(10_000);
      await settled();
    }
    expect(sent('$refresh')).toHaveLength(1);
    // Of before the first token.
    expect(sent('$pong')).toEqual([{ event: '$pong', data: { n: 0 } }]);
    expect(tested.errors.length).toBeGreaterThan(60);
    expect(new Set(tested.errors.map(({ code }) => code))).toEqual(new Set(['REQUEST_TIMEOUT']));
    reads();
    socket.say('$refresh', { expiresInMs: 60_000 });
    for (let i = 0; i < 40 && sent('$refresh').length < 2; i++) {
      world.clock.advance(1_000);
      await settled();
    }
    const last = sent('$refresh').at(-1)!;
    expect(last.data).toEqual({ token: `t${asked}` });
    expect(sent('$refresh')).toHaveLength(2);
  });

  it('as fast as it is sent to, but answers, gets each fresh token: the one before cannot wait any more', async () => {
    let asked = 0;
    const { world, tested, socket, network, sent } = await opened({ token: () => `t${++asked}` });
    network.isRead = false;
    tested.client.emit('film');
    for (let round = 1; round <= 5; round++) {
      socket.say('$refresh', { expiresInMs: 60_000 });
      await settled();
      expect(sent('$refresh')).toHaveLength(round);
      socket.say('$reply', { expiresInMs: 60_000 }, sent('$refresh').at(-1)!.id);
      await settled();
      world.clock.advance(5_000);
      await settled();
    }
    expect(tested.errors).toEqual([]);
  });
});
