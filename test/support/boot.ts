import { type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type Connection,
  ConnectionRegistry,
  HOLDFAST_CLOCK,
  HoldfastModule,
  type HoldfastOptions,
} from '@holdfast/gateway';
import { HoldfastTestApp, type ManualClock } from '@holdfast/testing';

export interface Setup {
  /** Of HoldfastModule, unless `holdfast` brings the whole module. */
  readonly options?: HoldfastOptions;
  readonly holdfast?: DynamicModule;
  readonly imports?: readonly (DynamicModule | Type)[];
  readonly providers?: readonly Provider[];
  readonly controllers?: readonly Type[];
  /** Time that the test moves by hand. */
  readonly clock?: ManualClock;
}

/** A real Nest application that listens on a free port. */
export async function boot(setup: Setup): Promise<HoldfastTestApp> {
  const { options = {}, holdfast = HoldfastModule.forRoot(options), clock } = setup;
  let builder = Test.createTestingModule({
    imports: [holdfast, ...(setup.imports ?? [])],
    providers: [...(setup.providers ?? [])],
    controllers: [...(setup.controllers ?? [])],
  });
  if (clock) builder = builder.overrideProvider(HOLDFAST_CLOCK).useValue(clock);
  const testing = await builder.setLogger(silent).compile();
  return HoldfastTestApp.start(() => Promise.resolve(testing.createNestApplication({ logger: false })));
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
