import { Logger } from '@nestjs/common';
import { CloseCode, ReservedEvent } from '@holdfast/protocol';
import type { Endpoint } from '../gateways/endpoint.js';
import type { GatewayServices } from '../lifecycle/gateway-services.js';
import { type Session, sessionOf } from '../lifecycle/session.js';
import { Deadline } from '../ground/deadline.js';
import type { Random } from '../ground/random.js';
import type { DrainReport } from '../connection/drain-report.js';

interface DrainHook {
  onDrain?(): unknown;
}

/** Of the time there is, what onDrain hooks may take. */
const hookShare = 1 / 4;
/** After which part of it whoever is left is cut. The rest is for their disconnect hooks, and for handlers to clean up. */
const cutShare = 3 / 4;
/** Whoever was cut has to be seen leaving, however little time there is. */
const minFinishMs = 100;
/** Few enough to come back at once without anybody noticing. */
const batchSize = 100;

/**
 * Says goodbye to everybody before the application shuts anything down: nothing new is read, what has arrived is
 * handled to its end, clients are told when to come back and closed in batches, disconnect hooks are awaited.
 */
export class DrainService {
  readonly #logger = new Logger('Holdfast');
  #drained: Promise<void> | undefined;

  constructor(
    private readonly services: GatewayServices,
    private readonly random: Random,
  ) {}

  /** Safe to call twice; both calls wait for the same goodbye. */
  run(endpoints: Iterable<Endpoint>): Promise<void> {
    this.#drained ??= this.#run([...endpoints]);
    return this.#drained;
  }

  async #run(endpoints: readonly Endpoint[]): Promise<void> {
    const { clock, registry, goodbyes, options, traffic } = this.services;
    const begun = clock.now();
    const { messagesHandled, messagesAbandoned } = traffic;
    const leftOf = (share: number): number =>
      Math.max(0, begun + share * options.lifecycle.drainTimeoutMs - clock.now());
    // Newcomers have been refused since before this began.
    const sessions = [...registry].map((connection) => sessionOf(connection));
    const gone = Promise.all(sessions.map(closed));
    await this.#within(this.#announce(endpoints), leftOf(hookShare));
    for (const session of sessions) session.pause('drain');
    const goodbye = this.#dismissAll(sessions, leftOf(cutShare)).then(() => gone);
    await this.#within(goodbye, leftOf(cutShare));
    for (const session of sessions) {
      if (session.state !== 'closed') session.terminate(CloseCode.SERVICE_RESTART, 'service restart');
    }
    // A handler whose connection has ended may still use what the shutdown hooks are about to close.
    const settled = gone.then(() => Promise.all([goodbyes.settled(), ...sessions.map(idle)]));
    await this.#within(settled, Math.max(leftOf(1), minFinishMs));
    const closedInTime = sessions.filter(({ hasSaidGoodbye }) => hasSaidGoodbye).length;
    this.#report({
      connections: sessions.length,
      closed: closedInTime,
      cut: sessions.length - closedInTime,
      handlersFinished: traffic.messagesHandled - messagesHandled,
      handlersCut: traffic.messagesAbandoned - messagesAbandoned,
      hooksUnfinished: goodbyes.size,
      durationMs: Math.round(clock.now() - begun),
    });
  }

  async #announce(endpoints: readonly Endpoint[]): Promise<void> {
    // Any gateway may have the hook, none has to.
    const gateways = endpoints.flatMap(({ gateways }) =>
      gateways.map(({ instance }) => instance as DrainHook | undefined),
    );
    await Promise.all(
      gateways.map(async (gateway) => {
        try {
          await gateway?.onDrain?.();
        } catch (error) {
          this.services.log.error('hook', 'An onDrain hook failed', error);
        }
      }),
    );
  }

  /** Batch after batch across the window, so that the other nodes are not met by everybody at once. */
  async #dismissAll(sessions: readonly Session[], timeoutMs: number): Promise<void> {
    const staying = sessions.filter(({ isEnding }) => !isEnding);
    const batches = Math.ceil(staying.length / batchSize);
    // Half of the time is for those that do not answer.
    const pauseMs = Math.min(this.services.options.lifecycle.drainWindowMs, timeoutMs / 2) / Math.max(1, batches);
    for (let batch = 0; batch < batches; batch++) {
      if (batch > 0) await this.#sleep(pauseMs);
      for (const session of staying.slice(batch * batchSize, (batch + 1) * batchSize)) {
        // A stream gives up its turn before it sends its first values, which may be all it has.
        void idle(session).then(() => {
          this.#dismiss(session);
        });
      }
    }
  }

  #dismiss(session: Session): void {
    const { drainWindowMs } = this.services.options.lifecycle;
    if (session.connection.handshake.mode === 'sdk' && session.isWelcome) {
      const retryAfterMs = Math.round(this.random.next() * drainWindowMs);
      const data = { retryAfterMs, windowMs: drainWindowMs, reason: 'service restart' };
      session.send({ event: ReservedEvent.drain, data }, 'control');
    }
    session.close(CloseCode.SERVICE_RESTART, 'service restart');
  }

  #report(report: DrainReport): void {
    const { connections, closed, cut, handlersFinished, handlersCut, hooksUnfinished, durationMs } = report;
    this.services.registry.drained(report);
    this.#logger.log(
      `Drained ${connections} connections in ${durationMs} ms: ${closed} closed, ${cut} cut; handlers: ` +
        `${handlersFinished} finished, ${handlersCut} cut; disconnect hooks unfinished: ${hooksUnfinished}`,
    );
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.services.wheel.schedule(new Deadline(resolve), delayMs);
    });
  }

  async #within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
    const { wheel } = this.services;
    let deadline: Deadline | undefined;
    const expired = new Promise<void>((resolve) => {
      deadline = new Deadline(resolve);
      wheel.schedule(deadline, timeoutMs);
    });
    await Promise.race([work, expired]);
    if (deadline) wheel.cancel(deadline);
  }
}

/** Resolves when nothing that has arrived is left to be handled, or the connection has ended. */
function idle(session: Session): Promise<void> {
  return new Promise((resolve) => {
    session.onceIdle(resolve);
  });
}

function closed(session: Session): Promise<void> {
  if (session.state === 'closed') return Promise.resolve();
  return new Promise((resolve) => {
    session.signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
