import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, type DisconnectCause, HoldfastGateway } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { refused } from './support/admission.js';
import { expectNoCrash } from './support/dispatch.js';
import { Database, DrainApp, Gates, Journal } from './support/drain.js';

expectNoCrash();

/** Says goodbye to each client with the help of the database, and takes its time. */
@WebSocketGateway({ path: '/farewell' })
class FarewellGateway extends HoldfastGateway {
  constructor(
    private readonly database: Database,
    private readonly gates: Gates,
    private readonly journal: Journal,
  ) {
    super();
  }

  override onDrain(): void {
    this.journal.add('drain');
  }

  override async onConnect(): Promise<void> {
    this.database.query('coming');
    await this.gates.pass('come');
    this.database.query('come');
  }

  @SubscribeMessage('say')
  say(@MessageBody() words: string): string {
    this.database.query(words);
    return words;
  }

  override async onDisconnect(_connection: Connection, { name }: DisconnectCause): Promise<void> {
    this.database.query(`leaving ${name}`);
    await this.gates.pass('leave');
    this.database.query('left');
  }
}

/** A gateway that knows nothing of Holdfast. */
@WebSocketGateway({ path: '/ordinary' })
class OrdinaryGateway {
  constructor(
    private readonly database: Database,
    private readonly gates: Gates,
  ) {}

  async handleDisconnect(): Promise<void> {
    await this.gates.pass('leave');
    this.database.query('ordinary left');
  }
}

@Injectable()
class LastWords implements OnModuleDestroy, OnApplicationShutdown {
  constructor(private readonly journal: Journal) {}

  onModuleDestroy(): void {
    this.journal.add('destroy');
  }

  onApplicationShutdown(): void {
    this.journal.add('shutdown');
  }
}

/** Whatever the shutdown would do next, it would have done while it answers these. */
async function stillDraining(app: DrainApp): Promise<void> {
  for (let i = 0; i < 5; i++) expect(await refused(app.url())).toMatchObject({ code: 'DRAINING' });
  expect(app.journal.count('database closed')).toBe(0);
}

describe('a shutdown', () => {
  it('lets handlers and disconnect hooks come to their end before any shutdown hook of the application runs', async () => {
    const app = await DrainApp.start({ providers: [FarewellGateway, OrdinaryGateway, LastWords] });
    const { journal, gates } = app;
    gates.open('come');
    const worker = await TestClient.connect(app.url());
    const guest = await TestClient.connectSdk(app.url('/farewell'));
    const ordinary = await TestClient.connect(app.url('/ordinary'));
    await journal.has('come');
    const answer = worker.request('work', 'job');
    await journal.has('job begun');

    const closing = app.close();
    expect(await guest.closed).toEqual({ code: 1012, reason: 'service restart' });
    expect(await ordinary.closed).toMatchObject({ code: 1012 });
    await journal.has('leaving SERVICE_RESTART');
    gates.open('job');
    expect(await answer).toMatchObject({ event: '$reply', data: 'job' });
    expect(await worker.closed).toMatchObject({ code: 1012 });
    await stillDraining(app);
    gates.open('leave');
    await closing;

    expect(journal.entries.slice(0, 6)).toEqual([
      'coming',
      'come',
      'job begun',
      'drain',
      'leaving SERVICE_RESTART',
      'job done',
    ]);
    expect(journal.entries.slice(6, 8).sort()).toEqual(['left', 'ordinary left']);
    expect(journal.entries.slice(8, 10).sort()).toEqual(['database closed', 'destroy']);
    expect(journal.entries.slice(10)).toEqual(['shutdown']);
    expect(app.log.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  it('waits for a connection hook at work, and for the disconnect hook that follows it', async () => {
    const app = await DrainApp.start({ providers: [FarewellGateway] });
    const { journal, gates } = app;
    const client = await TestClient.connect(app.url('/farewell'));
    await journal.has('coming');
    const closing = app.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    await stillDraining(app);
    gates.open('come');
    await journal.has('leaving SERVICE_RESTART');
    await stillDraining(app);
    gates.open('leave');
    await closing;
    expect(journal.entries).toEqual(['coming', 'drain', 'come', 'leaving SERVICE_RESTART', 'left', 'database closed']);
  });

  it('handles what came before the connection hook had finished (PROTOCOL 2.6, 11.4)', async () => {
    const app = await DrainApp.start({ providers: [FarewellGateway] });
    const { journal, gates } = app;
    const client = await TestClient.connect(app.url('/farewell'));
    await journal.has('coming');
    const answer = client.request('say', 'hello');
    // A violation does not wait for its turn: when it is answered, what came before it has arrived.
    client.send({ event: 'nobody listens to this', id: 'read' });
    expect(await client.next('$error')).toMatchObject({ id: 'read' });
    const closing = app.close();
    await journal.has('drain');
    gates.open('come');
    expect(await answer).toMatchObject({ data: 'hello' });
    expect(await client.closed).toMatchObject({ code: 1012 });
    gates.open('leave');
    await closing;
    expect(journal.entries).toEqual([
      'coming',
      'drain',
      'come',
      'hello',
      'leaving SERVICE_RESTART',
      'left',
      'database closed',
    ]);
  });
});

describe('onDrain', () => {
  it('is called once per gateway and awaited before anybody is disconnected, also when it is not alone', async () => {
    @WebSocketGateway({ path: '/farewell' })
    class NeighbourGateway extends HoldfastGateway {
      constructor(
        private readonly journal: Journal,
        private readonly gates: Gates,
      ) {
        super();
      }

      override async onDrain(): Promise<void> {
        this.journal.add('neighbour');
        await this.gates.pass('neighbour');
        this.journal.add('neighbour done');
      }
    }

    const app = await DrainApp.start({ providers: [FarewellGateway, NeighbourGateway] });
    const { journal, gates } = app;
    gates.open('come');
    gates.open('leave');
    const client = await TestClient.connect(app.url('/farewell'));
    await journal.has('come');
    const closing = Promise.all([app.nest.app.close(), app.nest.app.close()]);
    await journal.has('neighbour');
    // Still served: it is a goodbye that nobody has heard of yet.
    expect(app.open).toBe(1);
    client.send({ event: 'nobody listens to this', id: 1 });
    expect(await client.next('$error')).toMatchObject({ id: 1 });
    gates.open('neighbour');
    await closing;
    await app.nest.app.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(journal.entries.filter((entry) => /^(drain|neighbour|leaving)/.test(entry))).toEqual([
      'drain',
      'neighbour',
      'neighbour done',
      'leaving SERVICE_RESTART',
    ]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such thing');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such thing'))],
  ])('that %s is logged and disturbs nobody', async (_how, onDrain) => {
    @WebSocketGateway({ path: '/broken' })
    class BrokenGateway {
      onDrain(): unknown {
        return onDrain();
      }
    }

    const app = await DrainApp.start({ providers: [BrokenGateway, FarewellGateway] });
    const client = await TestClient.connect(app.url('/broken'));
    await app.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(app.journal.entries).toEqual(['drain', 'database closed']);
    expect(app.log.filter((line) => line.startsWith('error'))).toEqual(['error An onDrain hook failed']);
  });
});
