import { setImmediate as turn } from 'node:timers/promises';
import { WebSocketGateway } from '@nestjs/websockets';
import { HoldfastGateway } from '@holdfast/gateway';
import { encodeFrame, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { granted } from './support/admission.js';
import { expectNoCrash, untilRead } from './support/dispatch.js';
import { Database, DrainApp, Gates, Journal } from './support/drain.js';

expectNoCrash();

const drainTimeoutMs = 8_000;

/** Its disconnect hook takes as long as the test wants; so does its drain hook, when there is one. */
@WebSocketGateway({ path: '/slow' })
class SlowGateway extends HoldfastGateway {
  constructor(
    private readonly database: Database,
    private readonly gates: Gates,
  ) {
    super();
  }

  override async onDisconnect(): Promise<void> {
    this.database.query('leaving');
    await this.gates.pass('leave');
    this.database.query('left');
  }
}

@WebSocketGateway({ path: '/hanging' })
class HangingGateway extends HoldfastGateway {
  constructor(private readonly journal: Journal) {
    super();
  }

  override onDrain(): Promise<void> {
    this.journal.add('drain');
    return new Promise(() => undefined);
  }
}

/** Lets time go by, step by step and no further than it must, until it is so; and says how long that took. */
async function elapse(clock: ManualClock, until: Promise<unknown>, withinMs: number): Promise<number> {
  const before = clock.now();
  const state = { isOver: false };
  void until.then(() => (state.isOver = true));
  // Sockets of this process need a few turns of the loop for each of their steps.
  for (let step = 0; !state.isOver && clock.now() - before < withinMs; step++) {
    await turn();
    if (step % 10 === 9) clock.advance(100);
  }
  expect(state.isOver, `after ${clock.now() - before} ms`).toBe(true);
  return clock.now() - before;
}

describe('time of a shutdown', () => {
  it('is next to none where nobody needs any', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainTimeoutMs } });
    const clients = await Promise.all(Array.from({ length: 3 }, () => TestClient.connect(app.url())));
    // Time stands still.
    await app.close();
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toEqual([
      {
        connections: 3,
        moved: 0,
        closed: 3,
        cut: 0,
        handlersFinished: 0,
        handlersCut: 0,
        hooksUnfinished: 0,
        durationMs: 0,
      },
    ]);
    expect(app.log.filter((line) => line.startsWith('log Drained'))).toEqual([
      'log Drained 3 connections in 0 ms: 0 moved, 3 closed, 0 cut; handlers: 0 finished, 0 cut; disconnect hooks unfinished: 0',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('ends for a handler that never settles, whose messages are cut, and for nobody else', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainTimeoutMs } });
    const stuck = await TestClient.connect(app.url());
    const lost = Promise.allSettled(['never', 'work', 'work'].map((event) => stuck.request(event, 'lost', 60_000)));
    const quick = await TestClient.connect(app.url());
    const answer = quick.request('work', 'job');
    await untilRead(stuck);
    await app.journal.has('job begun');

    const closing = app.close();
    app.gates.open('job');
    expect(await answer).toMatchObject({ data: 'job' });
    expect(await quick.closed).toMatchObject({ code: 1012 });
    expect(app.open).toBe(1);
    expect(await elapse(clock, closing, drainTimeoutMs + 300)).toBeGreaterThanOrEqual((drainTimeoutMs * 3) / 4);
    expect(await stuck.closed).toEqual({ code: 1012, reason: 'service restart' });
    for (const request of await lost) expect(request.status).toBe('rejected');
    expect(app.reports).toMatchObject([
      { connections: 2, closed: 1, cut: 1, handlersFinished: 1, handlersCut: 3, hooksUnfinished: 0 },
    ]);
    expect(app.journal.entries).toEqual(['never begun', 'job begun', 'job done', 'database closed']);
    expect(clock.pending).toBe(0);
  });

  it('is left for what a handler has to put right when its signal aborts it', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainTimeoutMs } });
    const client = await TestClient.connect(app.url());
    client.send({ event: 'wait for the end', id: 1 });
    await app.journal.has('waiting begun');
    const closing = app.close();
    await elapse(clock, client.closed, drainTimeoutMs);
    await turn();
    expect(app.reports).toEqual([]);
    app.gates.open('rollback');
    await closing;
    expect(app.journal.entries).toEqual(['waiting begun', 'waiting aborted', 'database closed']);
    expect(app.reports).toMatchObject([{ connections: 1, cut: 1, handlersFinished: 0, handlersCut: 1 }]);
    expect(clock.pending).toBe(0);
  });

  it('is left for the disconnect hooks of those who were cut', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({
      clock,
      providers: [SlowGateway],
      lifecycle: { drainTimeoutMs, closeTimeoutMs: 60_000 },
    });
    // Reads no goodbye, so that it is gone when nearly all time is.
    const deaf = await granted(app.url('/slow'));
    const closing = app.close();
    await elapse(clock, app.journal.has('leaving'), (drainTimeoutMs * 3) / 4 + 200);
    clock.advance(drainTimeoutMs / 8);
    await turn();
    expect(app.reports).toEqual([]);
    app.gates.open('leave');
    await closing;
    expect(app.journal.entries).toEqual(['leaving', 'left', 'database closed']);
    expect(app.reports).toMatchObject([{ connections: 1, closed: 0, cut: 1, hooksUnfinished: 0 }]);
    deaf.socket.destroy();
  });

  it('ends for a disconnect hook that never settles', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, providers: [SlowGateway], lifecycle: { drainTimeoutMs } });
    const clients = await Promise.all(Array.from({ length: 2 }, () => TestClient.connect(app.url('/slow'))));
    const closing = app.close();
    await app.journal.has('leaving', 2);
    await elapse(clock, closing, drainTimeoutMs + 300);
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toMatchObject([{ connections: 2, closed: 2, cut: 0, hooksUnfinished: 2 }]);
    expect(app.journal.entries).toEqual(['leaving', 'leaving', 'database closed']);
  });

  it('ends for an onDrain hook that never settles, and is not taken from the clients by it', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, providers: [HangingGateway], lifecycle: { drainTimeoutMs } });
    const idle = await TestClient.connectSdk(app.url());
    const busy = await TestClient.connect(app.url());
    const answer = busy.request('work', 'job', 60_000);
    await app.journal.has('job begun');
    const closing = app.close();
    await app.journal.has('drain');
    await elapse(clock, idle.closed, drainTimeoutMs / 4 + 200);
    expect(app.open).toBe(1);
    clock.advance(drainTimeoutMs / 4);
    await turn();
    app.gates.open('job');
    expect(await answer).toMatchObject({ data: 'job' });
    await closing;
    expect(app.reports).toMatchObject([{ connections: 2, closed: 2, cut: 0, handlersFinished: 1, handlersCut: 0 }]);
    expect(clock.pending).toBe(0);
  });

  it('may be none at all: everybody gets 1012, nobody is waited for', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainTimeoutMs: 0 } });
    const idle = await TestClient.connectSdk(app.url());
    const busy = await TestClient.connect(app.url());
    busy.send({ event: 'never', id: 1 });
    await app.journal.has('never begun');
    await elapse(clock, app.close(), 600);
    for (const client of [idle, busy]) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toMatchObject([{ connections: 2, handlersFinished: 0, handlersCut: 1 }]);
  });
});

describe('the report of a shutdown', () => {
  it('counts as cut who did not answer the goodbye in time', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainTimeoutMs, closeTimeoutMs: 1_000 } });
    const deaf = await granted(app.url());
    const polite = await TestClient.connect(app.url());
    const gone = new Promise((resolve) => deaf.socket.once('close', resolve));
    const closing = app.close();
    await elapse(clock, closing, 1_400);
    await gone;
    expect(await polite.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toMatchObject([{ connections: 2, closed: 1, cut: 1 }]);
  });

  it('counts as cut the messages of a client that leaves before they are handled', async () => {
    const app = await DrainApp.start();
    const client = await TestClient.connect(app.url());
    for (const name of ['one', 'two']) client.send({ event: 'work', data: name, id: name });
    await untilRead(client);
    const closing = app.close();
    await turn();
    // We do not read its leaving; a handler that closes for it is as good.
    for (const connection of app.registry) connection.close(4000);
    app.gates.open('one');
    await closing;
    expect(await client.closed).toMatchObject({ code: 4000 });
    expect(app.journal.entries).toEqual(['one begun', 'one done', 'database closed']);
    expect(app.reports).toMatchObject([{ connections: 1, closed: 1, handlersFinished: 0, handlersCut: 2 }]);
  });

  it('counts who leaves while onDrain is at work among those there were', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, providers: [HangingGateway], lifecycle: { drainTimeoutMs } });
    const [stays, leaves] = [await TestClient.connect(app.url()), await granted(app.url())];
    const closing = app.close();
    await app.journal.has('drain');
    leaves.socket.write(encodeFrame({ opcode: 8, payload: Buffer.from([3, 232]) }));
    expect((await leaves.frames.next()).opcode).toBe(8);
    await elapse(clock, closing, drainTimeoutMs / 4 + 300);
    expect(await stays.closed).toMatchObject({ code: 1012 });
    expect(app.reports).toMatchObject([{ connections: 2, closed: 2, cut: 0 }]);
  });
});
