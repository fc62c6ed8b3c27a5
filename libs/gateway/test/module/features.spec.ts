import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { ConnectionRegistry } from '../../src/index.js';
import {
  type FrameReply,
  GatewayFeature,
  type Link,
  LinkField,
  type LinkObserver,
  type ReceivesFrames,
} from '../../src/internal.js';
import { boot } from '../../../../test/support/boot.js';

@WebSocketGateway({ path: '/' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(): string {
    return 'here';
  }
}

/** A feature of somebody else: it counts the frames of a reserved event, and sees every connection open and end. */
@GatewayFeature()
class KnockFeature implements LinkObserver, ReceivesFrames {
  readonly reservedFrames = {
    $knock: (reply: FrameReply, _data: unknown, id: string | number | undefined): void => {
      const { link } = reply;
      const knocks = (this.#knocks.get(link) ?? 0) + 1;
      this.#knocks.set(link, knocks);
      reply.answer({ event: '$reply', data: { knocks } }, id);
    },
  };
  readonly seen: string[] = [];
  readonly #knocks = new LinkField<number>('knocks');

  opened({ connection }: Link): void {
    this.seen.push(`opened ${connection.handshake.path}`);
  }

  ended(link: Link): void {
    this.seen.push(`ended with ${this.#knocks.get(link) ?? 0} knocks`);
  }
}

/** One that fails at every turn. */
@GatewayFeature('heartbeat')
class FailingFeature implements LinkObserver {
  joined(): void {
    throw new Error('joined');
  }

  changed(): void {
    throw new Error('changed');
  }

  ended(): void {
    throw new Error('ended');
  }
}

/** One without which a client must not be served. */
@GatewayFeature()
class StrictFeature implements LinkObserver {
  opened(): void {
    throw new Error('it cannot be looked after');
  }
}

@GatewayFeature()
class SecondKnockFeature implements ReceivesFrames {
  readonly reservedFrames = { $knock: (): void => undefined };
}

@GatewayFeature()
class UnreservedFeature implements ReceivesFrames {
  readonly reservedFrames = { knock: (): void => undefined };
}

describe('a feature that is added from outside', () => {
  it('receives its reserved frames, and sees every open and end', async () => {
    await using app = await boot({ providers: [EchoGateway, KnockFeature] });
    const feature = app.app.get(KnockFeature);
    await using client = await TestClient.connectSdk(app.url());
    expect(await client.request('$knock')).toMatchObject({ event: '$reply', data: { knocks: 1 } });
    expect(await client.request('$knock')).toMatchObject({ event: '$reply', data: { knocks: 2 } });
    const gone = left(app.app.get(ConnectionRegistry));
    await client.close();
    await gone;
    expect(feature.seen).toEqual(['opened /', 'ended with 2 knocks']);
  });

  it('leaves its event unknown where it is not there, and to plain clients', async () => {
    await using without = await boot({ providers: [EchoGateway] });
    await using sdk = await TestClient.connectSdk(without.url());
    await expect(sdk.request('$knock')).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
    await using app = await boot({ providers: [EchoGateway, KnockFeature] });
    await using plain = await TestClient.connect(app.url());
    await expect(plain.request('$knock')).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
  });

  it('keeps nobody else from hearing of a connection when it fails', async () => {
    await using app = await boot({ providers: [FailingFeature, EchoGateway, KnockFeature] });
    const registry = app.app.get(ConnectionRegistry);
    await using client = await TestClient.connectSdk(app.url());
    expect(await client.request('echo')).toMatchObject({ data: 'here' });
    const gone = left(registry);
    await client.close();
    await gone;
    expect(registry.size).toBe(0);
    expect(app.app.get(KnockFeature).seen).toEqual(['opened /', 'ended with 0 knocks']);
  });

  it('can keep a client from being served', async () => {
    await using app = await boot({ providers: [EchoGateway, StrictFeature] });
    await using client = await TestClient.connectSdk(app.url());
    expect(await client.next('$error')).toMatchObject({ data: { code: 'INTERNAL' } });
    expect(await client.closed).toMatchObject({ code: 4500 });
  });

  it.each([
    ['of an event that another one has', SecondKnockFeature, 'The reserved event "$knock" belongs to another feature'],
    ['of an event that is not reserved', UnreservedFeature, '"knock" is no reserved event'],
  ])('stops the boot when it wants frames %s', async (_, feature, message) => {
    await expect(boot({ providers: [EchoGateway, KnockFeature, feature] })).rejects.toThrow(message);
  });
});

function left(registry: ConnectionRegistry): Promise<void> {
  return new Promise((resolve) => {
    const off = registry.on('left', () => {
      off();
      resolve();
    });
  });
}
