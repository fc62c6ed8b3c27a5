import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { HoldfastGateway } from '@holdfast/gateway';
import { decodeClose, encodeFrame, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { granted, refused } from './support/admission.js';
import { expectNoCrash, untilRead } from './support/dispatch.js';
import { DrainApp, Gates, Journal } from './support/drain.js';

expectNoCrash();

/** Whatever is to follow from what has just happened here has followed. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const restart = { code: 1012, reason: 'service restart' };

describe('PROTOCOL 2.1: while the application goes away', () => {
  it('newcomers of both modes get 503 DRAINING for as long as a handler is at work', async () => {
    const app = await DrainApp.start();
    const { journal, gates } = app;
    const client = await TestClient.connect(app.url());
    const answer = client.request('work', 'job');
    await journal.has('job begun');
    const closing = app.close();
    for (const protocol of [undefined, 'holdfast.v1.json']) {
      const answer = await refused(app.url(), { headers: { 'Sec-WebSocket-Protocol': protocol } });
      expect(answer).toMatchObject({ status: 503, code: 'DRAINING', retryAfterMs: 2_000 });
      expect(answer.headers['retry-after']).toBe('2');
    }
    gates.open('job');
    expect(await answer).toMatchObject({ data: 'job' });
    await closing;
  });
});

describe('PROTOCOL 10.1, 10.4: the goodbye', () => {
  it('SDK clients hear when to come back, at different times within the window, and then 1012', async () => {
    const app = await DrainApp.start({ lifecycle: { drainWindowMs: 4_000 } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => TestClient.connectSdk(app.url())));
    await app.close();
    const moments: number[] = [];
    for (const client of clients) {
      const { event, data } = await client.next();
      expect(event).toBe('$drain');
      expect(data).toEqual({
        retryAfterMs: expect.any(Number) as number,
        windowMs: 4_000,
        reason: 'service restart',
      });
      moments.push((data as { retryAfterMs: number }).retryAfterMs);
      expect(await client.closed).toEqual(restart);
      expect(client.waiting).toEqual([]);
    }
    expect(moments.every((each) => Number.isInteger(each) && each >= 0 && each <= 4_000)).toBe(true);
    expect(new Set(moments).size).toBeGreaterThan(10);
  });

  it('plain clients get 1012 and nothing before it', async () => {
    const app = await DrainApp.start();
    const client = await granted(app.url());
    const closing = app.close();
    const { opcode, payload } = await client.frames.next();
    expect(opcode).toBe(8);
    expect(decodeClose(payload)).toEqual(restart);
    client.socket.write(encodeFrame({ opcode: 8, payload }));
    await closing;
  });

  it('SDK clients that have not said $hello get the close alone (PROTOCOL 10.3)', async () => {
    const app = await DrainApp.start();
    const client = await granted(app.url(), { headers: { 'Sec-WebSocket-Protocol': 'holdfast.v1.json' } });
    const closing = app.close();
    const { opcode, payload } = await client.frames.next();
    expect(opcode).toBe(8);
    expect(decodeClose(payload)).toEqual(restart);
    client.socket.write(encodeFrame({ opcode: 8, payload }));
    await closing;
  });

  it('so do those whose $hello the guards have not decided about, however they decide then', async () => {
    @Injectable()
    class Undecided implements CanActivate {
      constructor(
        private readonly gates: Gates,
        private readonly journal: Journal,
      ) {}

      async canActivate(): Promise<boolean> {
        this.journal.add('asked');
        const isFirst = this.journal.count('asked') === 1;
        await this.gates.pass('admission');
        return isFirst;
      }
    }

    @UseGuards(Undecided)
    @WebSocketGateway({ path: '/guarded' })
    class GuardedGateway extends HoldfastGateway {
      constructor(private readonly journal: Journal) {
        super();
      }

      override onConnect(): void {
        this.journal.add('connected');
      }

      @SubscribeMessage('hello')
      hello(): void {}
    }

    const app = await DrainApp.start({ providers: [GuardedGateway, Undecided] });
    const clients = [1, 2].map(async () => {
      const client = await granted(app.url('/guarded'), { headers: { 'Sec-WebSocket-Protocol': 'holdfast.v1.json' } });
      client.socket.write(encodeFrame({ payload: '{"event":"$hello"}' }));
      return client;
    });
    await app.journal.has('asked', 2);
    const closing = app.close();
    for (const client of await Promise.all(clients)) {
      const { opcode, payload } = await client.frames.next();
      expect(opcode).toBe(8);
      expect(decodeClose(payload)).toEqual(restart);
      app.gates.open('admission');
      client.socket.write(encodeFrame({ opcode: 8, payload }));
    }
    await closing;
    expect(app.journal.entries).toEqual(['asked', 'asked', 'database closed']);
    expect(app.reports).toMatchObject([{ connections: 2, closed: 2, cut: 0 }]);
  });

  it('comes in batches of a hundred across the window when there are many, never to all at once', async () => {
    const clock = new ManualClock();
    const app = await DrainApp.start({ clock, lifecycle: { drainWindowMs: 3_000, drainTimeoutMs: 60_000 } });
    const clients: TestClient[] = [];
    while (clients.length < 250)
      clients.push(...(await Promise.all(Array.from({ length: 50 }, () => TestClient.connect(app.url())))));
    let gone = 0;
    const departed = (count: number): Promise<void> =>
      new Promise((resolve) => {
        const off = app.registry.on('left', () => {
          if (gone < count) return;
          off();
          resolve();
        });
      });
    app.registry.on('left', () => gone++);
    expect(app.open).toBe(250);

    const first = departed(100);
    const closing = app.close();
    await first;
    expect(app.open).toBe(150);
    clock.advance(800);
    await turn();
    expect(app.open).toBe(150);
    const second = departed(200);
    clock.advance(300);
    await second;
    expect(app.open).toBe(50);
    clock.advance(700);
    await turn();
    expect(app.open).toBe(50);
    const third = departed(250);
    clock.advance(400);
    await third;
    await closing;
    expect(new Set(await Promise.all(clients.map(async ({ closed }) => (await closed).code)))).toEqual(new Set([1012]));
    expect(app.reports).toMatchObject([{ connections: 250, closed: 250, cut: 0 }]);
    expect(clock.pending).toBe(0);
  });
});

describe('PROTOCOL 11.4: what was sent before the goodbye', () => {
  it('is answered before the close frame when its handler was at work', async () => {
    const app = await DrainApp.start();
    const client = await granted(app.url());
    client.socket.write(encodeFrame({ payload: '{"event":"work","data":"job","id":1}' }));
    await app.journal.has('job begun');
    const closing = app.close();
    await refused(app.url());
    app.gates.open('job');
    const reply = await client.frames.next();
    expect(JSON.parse(reply.payload.toString())).toEqual({ event: '$reply', id: 1, data: 'job' });
    const { opcode, payload } = await client.frames.next();
    expect(opcode).toBe(8);
    expect(decodeClose(payload)).toEqual(restart);
    client.socket.write(encodeFrame({ opcode: 8, payload }));
    await closing;
    expect(app.reports).toMatchObject([{ connections: 1, closed: 1, handlersFinished: 1, handlersCut: 0 }]);
  });

  it('is handled also when it waited for its turn; what comes later is not read', async () => {
    const app = await DrainApp.start();
    const { journal, gates } = app;
    const client = await TestClient.connectSdk(app.url());
    const answers = ['one', 'two', 'three'].map((name) => client.request('work', name));
    expect(await untilRead(client)).toEqual([]);
    expect(journal.entries).toEqual(['one begun']);

    const closing = app.close();
    await refused(app.url());
    const late = client.request('work together', 'late').catch((error: unknown) => error);
    // It is in the hands of the operating system before the server has answered these two.
    await refused(app.url());
    await refused(app.url());
    for (const name of ['one', 'two', 'three']) gates.open(name);
    gates.open('late');
    expect((await Promise.all(answers)).map(({ data }) => data)).toEqual(['one', 'two', 'three']);
    expect(await client.next()).toMatchObject({ event: '$drain' });
    expect(await late).toMatchObject({ code: 'CONNECTION_ENDED', closeCode: 1012 });
    await closing;
    expect(journal.count('late begun')).toBe(0);
    expect(app.reports).toMatchObject([{ handlersFinished: 3, handlersCut: 0 }]);
  });

  it('gets all of an answer in several parts that is there at once', async () => {
    const app = await DrainApp.start();
    const client = await TestClient.connect(app.url());
    const answer = client.request('count', 'numbers');
    await app.journal.has('numbers begun');
    const closing = app.close();
    await refused(app.url());
    app.gates.open('numbers');
    expect(await answer).toMatchObject({ event: '$end', data: [1, 2, 3] });
    expect(await client.closed).toEqual(restart);
    await closing;
  });
});
