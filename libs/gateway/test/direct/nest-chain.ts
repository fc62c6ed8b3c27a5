import type { TestingModuleBuilder } from '@nestjs/testing';
import { DirectCompiler } from '../../src/direct/index.js';
import type { Pipeline } from '../../src/dispatch/index.js';

type HandlerSource = Parameters<DirectCompiler['handler']>[0];

/** For an application that is booted by `boot`: nothing is compiled, so that Nest's own chain calls every handler. */
export function callByNest(builder: TestingModuleBuilder): void {
  builder.overrideProvider(DirectCompiler).useValue({ handler: () => undefined, admission: () => undefined });
}

/** A sabotage: handlers are called without their enhancers. */
export function callWithoutEnhancers(builder: TestingModuleBuilder): void {
  const handler = ({ wrapper, method }: HandlerSource): Pipeline => ({
    run: (connection, data): unknown => {
      const instance = wrapper.instance as Record<string, (...args: unknown[]) => unknown>;
      return instance[method]?.(connection, data);
    },
  });
  builder.overrideProvider(DirectCompiler).useValue({ handler, admission: () => undefined });
}
