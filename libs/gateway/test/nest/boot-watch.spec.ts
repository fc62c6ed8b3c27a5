import { Global, Inject, Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { LazyModuleLoader, ModulesContainer, NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { afterBootstrap } from '../../src/nest/boot-watch.js';

const stepsToken = Symbol('STEPS');

/** Takes its time, so that whoever does not wait for it is seen. */
async function step(steps: string[], name: string): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  steps.push(name);
}

/** Stands where the runtime of Holdfast does: in a global module somewhere among the others. */
function watched(steps: string[]) {
  @Injectable()
  class Watch implements OnModuleInit, OnApplicationBootstrap {
    constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

    onModuleInit(): void {
      afterBootstrap(this.modules, () => steps.push('booted'));
    }

    onApplicationBootstrap(): Promise<void> {
      return step(steps, 'watch');
    }
  }
  @Global()
  @Module({ providers: [Watch, { provide: stepsToken, useValue: steps }], exports: [stepsToken] })
  class WatchModule {}

  @Injectable()
  class Service implements OnApplicationBootstrap {
    onApplicationBootstrap(): Promise<void> {
      return step(steps, 'deep service');
    }
  }
  @Module({ providers: [Service] })
  class DeepModule implements OnApplicationBootstrap {
    onApplicationBootstrap(): Promise<void> {
      return step(steps, 'deep module');
    }
  }
  @Module({ imports: [DeepModule] })
  class FeatureModule {}

  @Injectable()
  class RootService implements OnApplicationBootstrap {
    onApplicationBootstrap(): Promise<void> {
      return step(steps, 'root service');
    }
  }
  return { WatchModule, FeatureModule, DeepModule, RootService };
}

describe('the end of the boot', () => {
  it('comes after every hook, that of the root module being the last', async () => {
    const steps: string[] = [];
    const { WatchModule, FeatureModule, RootService } = watched(steps);
    @Module({ imports: [FeatureModule, WatchModule], providers: [RootService] })
    class RootModule implements OnApplicationBootstrap {
      readonly #name = 'root module';

      onApplicationBootstrap(): Promise<void> {
        return step(steps, this.#name);
      }
    }
    const app = await NestFactory.createApplicationContext(RootModule, { logger: false });
    expect(steps.slice(-3)).toEqual(['root service', 'root module', 'booted']);
    expect(new Set(steps)).toEqual(
      new Set(['watch', 'deep service', 'deep module', 'root service', 'root module', 'booted']),
    );
    await app.close();
  });

  it('comes, too, where the root module has no hook', async () => {
    const steps: string[] = [];
    const { WatchModule, FeatureModule, RootService } = watched(steps);
    @Module({ imports: [WatchModule, FeatureModule], providers: [RootService] })
    class RootModule {}
    const app = await NestFactory.createApplicationContext(RootModule, { logger: false });
    expect(steps.at(-1)).toBe('booted');
    expect(steps).toHaveLength(5);
    await app.close();
  });

  it('does not come when a hook of the root module fails', async () => {
    const steps: string[] = [];
    const { WatchModule } = watched(steps);
    @Module({ imports: [WatchModule] })
    class RootModule implements OnApplicationBootstrap {
      async onApplicationBootstrap(): Promise<void> {
        await step(steps, 'root module');
        throw new Error('no database');
      }
    }
    const boot = NestFactory.createApplicationContext(RootModule, { logger: false, abortOnError: false });
    await expect(boot).rejects.toThrow('no database');
    expect(steps).toEqual(['watch', 'root module']);
  });

  it('comes although a hook loads a module lazily, which then seems nearer than the root', async () => {
    const steps: string[] = [];
    const { WatchModule } = watched(steps);
    @Module({})
    class LazyModule {}
    @Injectable()
    class Loader implements OnApplicationBootstrap {
      constructor(@Inject(LazyModuleLoader) private readonly loader: LazyModuleLoader) {}

      async onApplicationBootstrap(): Promise<void> {
        await this.loader.load(() => LazyModule);
        await step(steps, 'loader');
      }
    }
    @Module({ imports: [WatchModule], providers: [Loader] })
    class RootModule {}
    const app = await NestFactory.createApplicationContext(RootModule, { logger: false });
    expect(steps.at(-1)).toBe('booted');
    expect(steps).toContain('loader');
    await app.close();
  });
});
