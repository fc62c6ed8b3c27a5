import { ConfigurableModuleBuilder, type Type } from '@nestjs/common';
import type { Authenticator } from '../auth/index.js';
import { HOLDFAST_LIMITER, type Limiter } from '../rate-limit/index.js';
import type { HoldfastOptions } from './options.js';
import { OWN_AUTHENTICATOR } from './tokens.js';

/** What a class given to `forRootAsync({ useClass })` or `{ useExisting }` has to be able to do. */
export interface HoldfastOptionsFactory {
  createHoldfastOptions(): HoldfastOptions | Promise<HoldfastOptions>;
}

/** What is decided when the module is imported, before any option is known. */
export interface HoldfastModuleExtras {
  /**
   * A strategy of your own instead of JWTs. Made by dependency injection inside HoldfastModule: what it injects must be
   * global or among `imports` of `forRootAsync`.
   */
  authenticator?: Type<Authenticator> | undefined;
  /**
   * A limiter of your own for all rules of {@link RateLimit}. Made like the authenticator. Default: rules that are not
   * `per: 'connection'` are counted by the `backplane`, for all nodes together, where it can; all others by a
   * {@link MemoryLimiter} in this process.
   */
  limiter?: Type<Limiter> | undefined;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<HoldfastOptions>({
  moduleName: 'Holdfast',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createHoldfastOptions')
  // Nest takes out of the options what is named here, and leaves in what is not.
  .setExtras<HoldfastModuleExtras>(
    { authenticator: undefined, limiter: undefined },
    (definition, { authenticator, limiter }) => ({
      ...definition,
      providers: [
        ...(definition.providers ?? []),
        authenticator
          ? { provide: OWN_AUTHENTICATOR, useClass: authenticator }
          : { provide: OWN_AUTHENTICATOR, useValue: null },
        // Takes the place of the default, because what an import provides comes after what the class does.
        ...(limiter ? [{ provide: HOLDFAST_LIMITER, useClass: limiter }] : []),
      ],
    }),
  )
  .build();
