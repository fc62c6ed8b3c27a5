import { Injectable } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import {
  type Connection,
  ConnectionRegistry,
  DrainService,
  HeartbeatService,
  ReadinessService,
} from '../../src/index.js';
import { AdmissionService } from '../../src/admission/admission.service.js';
import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import type { Message } from '../../src/dispatch/inbox.js';
import type { MessageOwner } from '../../src/dispatch/invocation.js';
import { refusals } from '../../src/admission/refusal.js';
import type { Upgrade } from '../../src/admission/upgrade-listener.js';
import { boot } from '../../../../test/support/boot.js';

@WebSocketGateway({ path: '/' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(): string {
    return 'here';
  }
}

/** An application's own provider, with services of Holdfast in its constructor. */
@Injectable()
class Operations {
  constructor(
    readonly heartbeat: HeartbeatService,
    readonly drain: DrainService,
    readonly registry: ConnectionRegistry,
  ) {}
}

describe('services of the gateway', () => {
  it('can be injected: the heartbeat says how far a client is away', async () => {
    await using app = await boot({ providers: [EchoGateway, Operations], options: { heartbeat: { intervalMs: 20 } } });
    const { heartbeat, registry } = app.app.get(Operations);
    await using client = await TestClient.connect(app.url());
    expect(await client.request('echo')).toMatchObject({ data: 'here' });
    expect(heartbeat.intervalMs).toBe(20);
    const [connection] = registry;
    await expect.poll(() => heartbeat.rttOf(connection as Connection)).toBeGreaterThan(0);
  });

  it('can be injected: an application drains itself, and the report says what became of its connections', async () => {
    await using app = await boot({
      providers: [EchoGateway, Operations],
      options: { lifecycle: { drainWindowMs: 0, drainTimeoutMs: 5_000 } },
    });
    const { drain } = app.app.get(Operations);
    await using client = await TestClient.connectSdk(app.url());
    const report = drain.start();
    expect(drain.start()).toBe(report);
    expect(app.app.get(ReadinessService).state).toBe('draining');
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(await report).toMatchObject({ connections: 1, closed: 1, cut: 0 });
    await expect(TestClient.connect(app.url())).rejects.toThrow('DRAINING');
  });

  it('can be overridden: the heartbeat', async () => {
    const admitted: string[] = [];
    const mine = { admitted: ({ connection }: { connection: Connection }) => admitted.push(connection.id) };
    await using app = await boot({
      providers: [EchoGateway],
      override: (builder) => builder.overrideProvider(HeartbeatService).useValue(mine),
    });
    await using client = await TestClient.connect(app.url());
    expect(await client.request('echo')).toMatchObject({ data: 'here' });
    expect(admitted).toEqual([...app.app.get(ConnectionRegistry)].map(({ id }) => id));
  });

  it('can be overridden: the drain, which a shutdown starts', async () => {
    let starts = 0;
    const mine = {
      start: async () => {
        starts++;
      },
    };
    await using app = await boot({
      providers: [EchoGateway],
      override: (builder) => builder.overrideProvider(DrainService).useValue(mine),
    });
    await app.close();
    expect(starts).toBe(1);
  });

  it('can be overridden: the dispatcher', async () => {
    const mine = {
      start: ({ answers, link }: MessageOwner, { id, plan }: Message) => {
        const frame = answers.reply({ id, plan }, 'mine');
        if (frame) link.sendFrame(frame, 'answer');
      },
    };
    await using app = await boot({
      providers: [EchoGateway],
      override: (builder) => builder.overrideProvider(Dispatcher).useValue(mine),
    });
    await using client = await TestClient.connect(app.url());
    expect(await client.request('echo')).toMatchObject({ data: 'mine' });
  });

  it('can be decorated: the admission', async () => {
    await using app = await boot({ providers: [EchoGateway] });
    const admission = app.app.get(AdmissionService);
    const handle = admission.handle.bind(admission);
    admission.handle = (destinations, upgrade: Upgrade) => {
      if (!upgrade.request.url?.includes('no')) return handle(destinations, upgrade);
      admission.refuse(upgrade.socket, refusals.forbidden('not today'));
      return true;
    };
    await using client = await TestClient.connect(app.url());
    expect(await client.request('echo')).toMatchObject({ data: 'here' });
    await expect(TestClient.connect(app.url('/?no'))).rejects.toThrow('FORBIDDEN');
  });
});
