import type { ModulesContainer } from '@nestjs/core';

interface Bootstrapped {
  onApplicationBootstrap?(): unknown;
}

/**
 * Calls back when the whole application has booted. Nest has no hook for that; but the class of the root module is the
 * last one whose `onApplicationBootstrap` it calls and awaits, modules being visited by their distance from it. Call it
 * from `onModuleInit`: modules that are loaded lazily after that are not visited, but seem to be nearer than the root.
 */
export function afterBootstrap(modules: ModulesContainer, booted: () => void): void {
  const root = [...modules.values()].reduce((nearest, module) =>
    module.distance <= nearest.distance ? module : nearest,
  );
  // Any class may have the hook, none has to.
  const instance = root.instance as Bootstrapped;
  const original = instance.onApplicationBootstrap?.bind(instance);
  instance.onApplicationBootstrap = async () => {
    await original?.();
    booted();
  };
}
