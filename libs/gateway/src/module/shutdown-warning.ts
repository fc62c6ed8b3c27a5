import { Logger } from '@nestjs/common';
import { Deadline, type TimerWheel } from '../ground/index.js';

/** `main.ts` may enable the hooks after it has begun to listen. */
const graceMs = 1_000;

/**
 * Warns of an application that ends at SIGTERM without being asked: all its clients see 1006 then. Tests close their
 * applications by themselves.
 */
export function warnWithoutShutdownHooks(wheel: TimerWheel): void {
  if (process.env['NODE_ENV'] === 'test') return;
  const warning = new Deadline(() => {
    if (process.listenerCount('SIGTERM') > 0) return;
    new Logger('Holdfast').warn(
      'Shutdown hooks are not enabled: SIGTERM, as at a deploy, cuts all connections with 1006 instead of draining them. ' +
        'Call app.enableShutdownHooks() in main.ts',
    );
  });
  wheel.schedule(warning, graceMs);
}
