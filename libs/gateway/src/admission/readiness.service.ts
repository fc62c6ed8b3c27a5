import { Injectable } from '@nestjs/common';

/** Whether the application takes connections now. */
export interface Readiness {
  readonly state: 'booting' | 'ready' | 'draining';
}

/**
 * Whether this process takes connections now. For readiness probes: a load balancer that asks stops sending clients
 * to a node that would refuse them with 503. Inject it anywhere.
 *
 * @publicApi
 */
@Injectable()
export class ReadinessService implements Readiness {
  #state: Readiness['state'] = 'booting';

  /**
   * `booting` until every `onApplicationBootstrap` hook has finished; `draining` from the first moment of a shutdown;
   * `ready` in between.
   */
  get state(): Readiness['state'] {
    return this.#state;
  }

  /** @internal */
  moveTo(state: Readiness['state']): void {
    // A shutdown cannot be undone: a boot that was under way when it began must not undo it.
    if (this.#state !== 'draining') this.#state = state;
  }
}
