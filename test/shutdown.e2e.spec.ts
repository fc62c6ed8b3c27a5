import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type INestApplication, Injectable, type Provider } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry, HoldfastGateway, ReadinessService } from '@holdfast/gateway';
import { ManualClock, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { serverOf } from './support/admission.js';
import { boot } from './support/boot.js';
import { expectNoCrash } from './support/dispatch.js';
import { createDrainApp, DrainApp, Gates, Journal } from './support/drain.js';
import { freePort } from './support/free-port.js';
import { upgradeHeaders } from './support/hostile.js';
import { LogRecorder } from './support/log-recorder.js';

expectNoCrash();

/** Fails when somebody listens there. */
async function take(port: number): Promise<Server> {
  const server = createServer().listen(port);
  await once(server, 'listening');
  return server;
}

function listenersOf(app: INestApplication): Record<string, number> {
  const server = serverOf({ app });
  return Object.fromEntries(server.eventNames().map((name) => [String(name), server.listenerCount(name)]));
}

function holdUp(hook: 'onModuleInit' | 'onApplicationBootstrap', fails: boolean): Provider {
  @Injectable()
  class Slow {
    constructor(gates: Gates, journal: Journal) {
      Object.assign(this, {
        [hook]: async () => {
          journal.add(hook);
          await gates.pass('boot');
          if (fails) throw new Error('cannot begin');
        },
      });
    }
  }

  return Slow;
}

/** An application that has not booted, with a gateway on a port of its own beside the one on the shared port. */
async function unborn(providers: readonly Provider[]) {
  const [journal, gates, log, clock, ownPort] = [
    new Journal(),
    new Gates(),
    new LogRecorder(),
    new ManualClock(),
    await freePort(),
  ];

  @WebSocketGateway(ownPort, { path: '/own' })
  class OwnGateway {}

  const app = await createDrainApp({ clock, providers: [OwnGateway, ...providers] }, journal, gates, log);
  return { app, journal, gates, clock, ownPort, before: listenersOf(app) };
}

describe('app.close()', () => {
  it('twice at once and again afterwards is one goodbye', async () => {
    const app = await DrainApp.start();
    const client = await TestClient.connect(app.url());
    const { app: nest } = app.nest;
    await Promise.all([nest.close(), nest.close()]);
    await nest.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toHaveLength(1);
    expect(app.log.filter((line) => line.startsWith('log Drained'))).toHaveLength(1);
  });

  it('leaves no listener at the HTTP server', async () => {
    const { app, clock, before } = await unborn([]);
    await app.init();
    expect(listenersOf(app)).not.toEqual(before);
    await app.close();
    expect(listenersOf(app)).toEqual(before);
    expect(clock.pending).toBe(0);
  });

  it('of one application leaves another one of the same process, with the same gateways, alone', async () => {
    const [one, other] = [await DrainApp.start(), await DrainApp.start()];
    const leaving = await TestClient.connect(one.url());
    const staying = await TestClient.connectSdk(other.url());
    const answer = staying.request('work', 'job');
    await other.journal.has('job begun');
    await one.close();
    expect(await leaving.closed).toMatchObject({ code: 1012 });
    expect(other.reports).toEqual([]);
    expect(other.open).toBe(1);
    other.gates.open('job');
    expect(await answer).toMatchObject({ data: 'job' });
    await using newcomer = await TestClient.connect(other.url());
    other.gates.open('more');
    expect(await newcomer.request('work', 'more')).toMatchObject({ data: 'more' });
    await other.close();
    expect(await staying.closed).toMatchObject({ code: 1012 });
    expect(other.reports).toMatchObject([{ connections: 2, closed: 2 }]);
  });

  it('is nothing special in an application that has the module and no gateway', async () => {
    const clock = new ManualClock();
    const app = await boot({ clock });
    const upgrade = await rawUpgrade(app.url('/nowhere'), { headers: { Connection: 'close' } });
    expect(upgrade.upgraded).toBe(false);
    await app.close();
    expect(app.app.get(ReadinessService).state).toBe('draining');
    expect(clock.pending).toBe(0);
  });
});

describe('app.close() while the application boots', () => {
  it.each(['onModuleInit', 'onApplicationBootstrap'] as const)(
    'when %s of somebody is at work, which goes on when all is closed',
    async (hook) => {
      const { app, journal, gates, clock, ownPort, before } = await unborn([holdUp(hook, false)]);
      const booting = app.init();
      await journal.has(hook);
      await app.close();
      const readiness = app.get(ReadinessService);
      expect(readiness.state).toBe('draining');
      gates.open('boot');
      await booting;
      expect(readiness.state).toBe('draining');
      expect(listenersOf(app)).toEqual(before);
      (await take(ownPort)).close();
      await app.close();
      expect(clock.pending).toBe(0);
      expect(app.get(ConnectionRegistry).size).toBe(0);
    },
  );
});

describe('a boot that fails', () => {
  it.each(['onModuleInit', 'onApplicationBootstrap'] as const)(
    'by %s of somebody leaves no listener, timer or port when the application is closed',
    async (hook) => {
      const { app, gates, clock, ownPort, before } = await unborn([holdUp(hook, true)]);
      gates.open('boot');
      await expect(app.init()).rejects.toThrow('cannot begin');
      await app.close();
      expect(listenersOf(app)).toEqual(before);
      (await take(ownPort)).close();
      expect(clock.pending).toBe(0);
    },
  );

  // That it fails, and how, is in admission-own-port.
  it('for a busy port leaves none either, and no hook that hangs can keep it', async () => {
    @WebSocketGateway({ path: '/hanging' })
    class HangingGateway extends HoldfastGateway {
      override onDrain(): Promise<void> {
        return new Promise(() => undefined);
      }
    }

    const { app, clock, ownPort, before } = await unborn([HangingGateway]);
    const obstacle = await take(ownPort);
    await expect(app.init()).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE' });
    expect(listenersOf(app)).toEqual(before);
    const state = { isClosed: false };
    const closing = app.close().then(() => (state.isClosed = true));
    for (let step = 0; step < 200 && !state.isClosed; step++) {
      await turn();
      clock.advance(100);
    }
    expect(state.isClosed).toBe(true);
    await closing;
    expect(clock.pending).toBe(0);
    obstacle.close();
  });
});

it('a refused client that neither reads nor closes does not keep the application from closing', async () => {
  @WebSocketGateway({ path: '/ours' })
  class OurGateway {}

  const clock = new ManualClock();
  const app = await boot({ clock, providers: [OurGateway] });
  const client = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true });
  const refused = once(client, 'data');
  client.write(`GET /nowhere HTTP/1.1\r\nHost: x\r\n${upgradeHeaders}\r\n`);
  expect(String(await refused)).toContain('PATH_NOT_FOUND');
  client.pause();
  // No time passes, so that nothing ends by itself.
  await app.close();
  expect(clock.pending).toBe(0);
  client.destroy();
});
