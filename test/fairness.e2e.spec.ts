import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry } from '@holdfast/gateway';
import { encodeFrame, rawUpgrade, type RawUpgraded, TestClient } from '@holdfast/testing';
import { describe, expect, it, vi } from 'vitest';
import { expectNoCrash, Fenced, gate, serve, type Served } from './support/dispatch.js';

expectNoCrash();

const path = '/busy';

@WebSocketGateway({ path })
class BusyGateway extends Fenced {
  /** Who was served, in order. */
  readonly served: string[] = [];
  readonly start = gate();

  @SubscribeMessage('at once')
  atOnce(@MessageBody() who: string): void {
    this.served.push(who);
  }

  @SubscribeMessage('later')
  async later(@MessageBody() who: string): Promise<void> {
    await Promise.resolve();
    this.served.push(who);
  }

  @SubscribeMessage('after the start')
  async afterTheStart(@MessageBody() who: string): Promise<void> {
    await this.start.promise;
    this.served.push(who);
  }
}

async function connect(served: Served): Promise<RawUpgraded> {
  const answer = await rawUpgrade(served.url(path));
  if (!answer.upgraded) throw new Error(`refused with ${answer.status}`);
  return answer;
}

function frame(event: string, data: string): Buffer {
  return encodeFrame({ payload: JSON.stringify({ event, data }) });
}

const floodFrames = 1_000;

function flood(event: string): Buffer {
  return Buffer.concat(Array.from({ length: floodFrames }, () => frame(event, 'flood')));
}

describe('a client that sends a thousand messages at once', () => {
  it.each(['at once', 'later'])(
    'does not keep another one waiting whose message came after: handled %s',
    async (event) => {
      await using served = await serve([BusyGateway]);
      const gateway = served.get(BusyGateway);
      const [attacker, innocent] = [await connect(served), await connect(served)];
      attacker.socket.write(flood(event));
      innocent.socket.write(frame(event, 'innocent'));
      await vi.waitFor(() => {
        expect(gateway.served).toHaveLength(floodFrames + 1);
      });
      expect(gateway.served.indexOf('innocent')).toBeLessThan(floodFrames / 4);
      expect(served.counters.get('paused', 'turn')).toBeGreaterThan(0);
      for (const { socket } of [attacker, innocent]) socket.destroy();
    },
  );

  it('does not keep another one waiting either when all that waited may begin', async () => {
    await using served = await serve([BusyGateway], {
      options: { messages: { inboxMessages: 10 * floodFrames, inboxBytes: 10_000_000 } },
    });
    const gateway = served.get(BusyGateway);
    const attacker = await connect(served);
    const [flooding] = served.get(ConnectionRegistry);
    const innocent = await connect(served);
    attacker.socket.write(Buffer.concat([frame('after the start', 'flood'), flood('later')]));
    await vi.waitFor(() => {
      expect(flooding?.stats.messagesIn).toBe(floodFrames + 1);
    });
    gateway.start.open();
    innocent.socket.write(frame('later', 'innocent'));
    await vi.waitFor(() => {
      expect(gateway.served).toHaveLength(floodFrames + 2);
    });
    expect(gateway.served.indexOf('innocent')).toBeLessThan(floodFrames / 2);
    for (const { socket } of [attacker, innocent]) socket.destroy();
  });
});

describe('what has more members than a server validates at once', () => {
  it('is refused before a guard, a pipe or a handler sees it, and the connection goes on', async () => {
    await using served = await serve([BusyGateway], { options: { messages: { maxMembers: 10 } } });
    await using client = await TestClient.connect(served.url(path));
    const objects = (count: number): object[] => Array.from({ length: count }, () => ({}));
    await expect(client.request('at once', objects(11))).rejects.toMatchObject({ code: 'TOO_MANY_MEMBERS' });
    expect(await client.request('at once', objects(10))).toMatchObject({ event: '$reply' });
    expect(served.counters.get('violation', 'TOO_MANY_MEMBERS')).toBe(1);
    expect(served.get(BusyGateway).served).toHaveLength(1);
  });
});
