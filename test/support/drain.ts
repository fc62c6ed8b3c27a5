import {
  Injectable,
  type INestApplication,
  type LoggerService,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Concurrent,
  type Connection,
  ConnectionRegistry,
  type DrainReport,
  HoldfastGateway,
  type HoldfastOptions,
} from '@holdfast/gateway';
import { HoldfastTestApp, type ManualClock } from '@holdfast/testing';
import { from, type Observable, of } from 'rxjs';
import { create } from './boot.js';
import { LogRecorder } from './log-recorder.js';

/** What happened, in the order in which it did. */
export class Journal {
  readonly entries: string[] = [];
  readonly #waiting = new Set<() => void>();

  add(entry: string): void {
    this.entries.push(entry);
    for (const look of [...this.#waiting]) look();
  }

  count(entry: string): number {
    return this.entries.filter((each) => each === entry).length;
  }

  /** Resolves when `entry` has been written that often. */
  has(entry: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.count(entry) < times) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** A resource that must outlive whoever uses it. */
@Injectable()
export class Database implements OnModuleDestroy {
  #isOpen = true;

  constructor(private readonly journal: Journal) {}

  query(entry: string): void {
    if (!this.#isOpen) throw new Error('the database is closed');
    this.journal.add(entry);
  }

  onModuleDestroy(): void {
    this.#isOpen = false;
    this.journal.add('database closed');
  }
}

/** Waits that the test ends by their name, before or after somebody begins to wait. */
export class Gates {
  readonly #gates = new Map<string, { readonly passed: Promise<void>; readonly open: () => void }>();

  pass(name: string): Promise<void> {
    return this.#gate(name).passed;
  }

  open(name: string): void {
    this.#gate(name).open();
  }

  #gate(name: string): { readonly passed: Promise<void>; readonly open: () => void } {
    const known = this.#gates.get(name);
    if (known) return known;
    let open!: () => void;
    const passed = new Promise<void>((resolve) => (open = resolve));
    const gate = { passed, open };
    this.#gates.set(name, gate);
    return gate;
  }
}

/** Its work takes as long as the test wants, and uses the database before and after. */
@WebSocketGateway({ path: '/work' })
class WorkGateway extends HoldfastGateway {
  constructor(
    private readonly database: Database,
    private readonly gates: Gates,
  ) {
    super();
  }

  @SubscribeMessage('work')
  async work(@MessageBody() name: string): Promise<string> {
    this.database.query(`${name} begun`);
    await this.gates.pass(name);
    this.database.query(`${name} done`);
    return name;
  }

  @Concurrent(8)
  @SubscribeMessage('work together')
  workTogether(@MessageBody() name: string): Promise<string> {
    return this.work(name);
  }

  @SubscribeMessage('count')
  async countTo(@MessageBody() name: string): Promise<Observable<number>> {
    this.database.query(`${name} begun`);
    await this.gates.pass(name);
    return of(1, 2, 3);
  }

  /** Ends only with its connection, and looks to the database even then. */
  @SubscribeMessage('wait for the end')
  async waitForTheEnd(@ConnectedSocket() { signal }: Connection): Promise<void> {
    this.database.query('waiting begun');
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    await this.gates.pass('rollback');
    this.database.query('waiting aborted');
  }

  @SubscribeMessage('never')
  never(): Promise<never> {
    this.database.query('never begun');
    return new Promise(() => undefined);
  }

  @SubscribeMessage('stream')
  stream(@MessageBody() name: string): Observable<void> {
    return from(this.gates.pass(name));
  }
}

export interface DrainSetup {
  readonly lifecycle?: HoldfastOptions['lifecycle'];
  readonly options?: Omit<HoldfastOptions, 'admission' | 'lifecycle'>;
  readonly clock?: ManualClock;
  readonly providers?: readonly Provider[];
}

/** An application whose last minutes are looked at. The root module, which Nest destroys first, has the database. */
export class DrainApp implements AsyncDisposable {
  /** Every report there was. */
  readonly reports: DrainReport[] = [];

  private constructor(
    readonly nest: HoldfastTestApp,
    readonly journal: Journal,
    readonly gates: Gates,
    private readonly recorder: LogRecorder,
  ) {
    this.registry.on('drained', (report) => void this.reports.push(report));
  }

  static async start(setup: DrainSetup = {}): Promise<DrainApp> {
    const [journal, gates, log] = [new Journal(), new Gates(), new LogRecorder()];
    const nest = await HoldfastTestApp.start(() => createDrainApp(setup, journal, gates, log));
    return new DrainApp(nest, journal, gates, log);
  }

  /** What was logged, level first. */
  get log(): readonly string[] {
    return this.recorder.messages;
  }

  get registry(): ConnectionRegistry {
    return this.nest.app.get(ConnectionRegistry);
  }

  /** How many connections nobody has said goodbye to. */
  get open(): number {
    return [...this.registry].filter(({ state }) => state === 'open').length;
  }

  url(path = '/work'): string {
    return this.nest.url(path);
  }

  close(): Promise<void> {
    return this.nest.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export function createDrainApp(
  { lifecycle = {}, options = {}, clock, providers = [] }: DrainSetup,
  journal: Journal,
  gates: Gates,
  logger: LoggerService,
): Promise<INestApplication> {
  const admission = { maxConnectionsPerIp: Infinity, handshakeRate: { limit: Infinity, windowMs: 1_000 } };
  return create({
    options: { admission, lifecycle, ...options },
    providers: [
      { provide: Journal, useValue: journal },
      { provide: Gates, useValue: gates },
      Database,
      WorkGateway,
      ...providers,
    ],
    clock,
    logger,
  });
}
