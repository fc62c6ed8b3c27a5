import type {
  DynamicModule,
  INestApplication,
  LoggerService,
  LogLevel,
  ModuleMetadata,
  NestApplicationOptions,
  Provider,
  Type,
} from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  type Clock,
  type Connection,
  ConnectionRegistry,
  HOLDFAST_CLOCK,
  HOLDFAST_RANDOM,
  HoldfastModule,
  type HoldfastModuleExtras,
  type HoldfastOptions,
  type Random,
} from '@holdfast/gateway';
import { HoldfastTestApp } from '@holdfast/testing';

export interface Setup {
  /** Of HoldfastModule, unless `holdfast` brings the whole module. */
  readonly options?: HoldfastOptions & HoldfastModuleExtras;
  readonly holdfast?: DynamicModule;
  readonly imports?: ModuleMetadata['imports'];
  /** Gateways among them. */
  readonly providers?: readonly Provider[];
  readonly controllers?: readonly Type[];
  /** Time that the test moves by hand. */
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Is given every line of the application. Default: none is written. */
  readonly logger?: LoggerService | LogLevel[] | undefined;
  readonly nest?: NestApplicationOptions | undefined;
  readonly override?: ((builder: TestingModuleBuilder) => unknown) | undefined;
  /** Runs before `init()`. */
  readonly configure?: ((app: INestApplication) => void) | undefined;
}

/** An application that has been made, and neither initialised nor let listen. */
export async function create(setup: Setup): Promise<INestApplication> {
  const {
    options = {},
    holdfast = HoldfastModule.forRoot(options),
    clock,
    random,
    logger,
    override,
    configure,
  } = setup;
  const builder = Test.createTestingModule({
    imports: [holdfast, ...(setup.imports ?? [])],
    providers: [...(setup.providers ?? [])],
    controllers: [...(setup.controllers ?? [])],
  });
  if (clock) builder.overrideProvider(HOLDFAST_CLOCK).useValue(clock);
  if (random) builder.overrideProvider(HOLDFAST_RANDOM).useValue(random);
  override?.(builder);
  // What Nest writes while it compiles a module is for no test.
  builder.setLogger(Array.isArray(logger) ? silent : (logger ?? silent));
  const app = (await builder.compile()).createNestApplication({ logger: logger ?? false, ...setup.nest });
  configure?.(app);
  return app;
}

/** A real Nest application that listens on a free port. */
export function boot(setup: Setup): Promise<HoldfastTestApp> {
  return HoldfastTestApp.start(() => create(setup));
}

/** What a boot that must fail failed with. */
export async function bootFailure(setup: Setup): Promise<{ code: unknown; message: string }> {
  try {
    const app = await boot(setup);
    await app.close();
  } catch (error) {
    if (error instanceof Error) return { code: 'code' in error ? error.code : undefined, message: error.message };
    throw error;
  }
  throw new Error('the application booted');
}

/** The next connection that leaves, when it has left. */
export function nextToLeave(registry: ConnectionRegistry): Promise<Connection> {
  return new Promise((resolve) => {
    const off = registry.on('left', (connection) => {
      off();
      resolve(connection);
    });
  });
}

export function registryOf({ app }: HoldfastTestApp): ConnectionRegistry {
  return app.get(ConnectionRegistry);
}

/** The only connection there is. */
export function onlyConnection(app: HoldfastTestApp): Connection {
  const [connection, ...others] = registryOf(app);
  if (!connection || others.length > 0) throw new Error(`expected one connection, found ${registryOf(app).size}`);
  return connection;
}

const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };
