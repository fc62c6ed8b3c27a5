import { Logger } from '@nestjs/common';
import { CloseCode, ReservedEvent } from '@holdfast/protocol';
import type { ReadinessService } from '../admission/index.js';
import { type ConnectionIndex, type DrainReport, type Link, linkOf } from '../connection/index.js';
import type { Handovers } from '../lifecycle/index.js';
import type { NodeHeartbeat } from '../nodes/index.js';
import type { RouteTable } from '../gateways/index.js';
import {
  type BoundedLog,
  type Clock,
  Deadline,
  type PendingWork,
  type Random,
  type TimerWheel,
} from '../ground/index.js';
import type { Traffic } from '../telemetry/index.js';

/** What a drain works with. */
export interface DrainParts {
  readonly readiness: ReadinessService;
  readonly admission: { refusePending(): void };
  readonly routes: RouteTable;
  readonly index: ConnectionIndex;
  readonly traffic: Traffic;
  readonly handovers: Handovers;
  readonly heartbeat: NodeHeartbeat;
  readonly log: BoundedLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  /** Disconnect hooks at work. */
  readonly disconnectHooks: PendingWork;
  readonly drainWindowMs: number;
  readonly drainTimeoutMs: number;
}

interface DrainHook {
  onDrain?(): unknown;
}

/** The reason that closes of a drain give. */
export const serviceRestart = 'service restart';
/** Of the time there is, what onDrain hooks may take. */
const hookShare = 1 / 4;
/** The part of it within which clients may move to another node before their connection ends. */
const moveShare = 1 / 2;
/**
 * The part of it after which connections that are left are cut. The rest is for their disconnect hooks and handlers.
 */
const cutShare = 3 / 4;
/** Connections that were cut have to be seen ending, however little time there is. */
const minFinishMs = 100;
/** So few can reconnect at the same time without any load to speak of. */
const batchSize = 100;

/**
 * Ends all connections in an orderly way: no client is admitted any more, nothing new is read, messages that have
 * arrived are handled to their end, clients are told when to reconnect and are closed in batches, and disconnect hooks
 * are awaited. A shutdown of the application does this by itself, before any provider is destroyed.
 *
 * @publicApi
 */
export class DrainService {
  readonly #logger = new Logger('Holdfast');
  readonly #parts: DrainParts;
  #draining: Promise<DrainReport> | undefined;

  /** @internal */
  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /**
   * Begins to drain. This process does not serve again afterwards. Calling it again changes nothing.
   *
   * @returns what became of the connections, when all have ended or {@link LifecycleOptions.drainTimeoutMs} is over.
   *   Never rejects. The registry tells its listeners the same (`drained`).
   */
  start(): Promise<DrainReport> {
    if (this.#draining) return this.#draining;
    this.#parts.readiness.moveTo('draining');
    this.#parts.admission.refusePending();
    return (this.#draining = this.#run());
  }

  async #run(): Promise<DrainReport> {
    const { clock, index, disconnectHooks, drainTimeoutMs, traffic, handovers } = this.#parts;
    const begun = clock.now();
    const { messagesHandled, messagesDropped } = traffic;
    const leftOf = (share: number): number => Math.max(0, begun + share * drainTimeoutMs - clock.now());
    const links = [...index.byId.values()].map((connection) => linkOf(connection));
    let hasOthers = false;
    const asked = this.#hasOthers().then((has) => (hasOthers = has));
    await this.#within(Promise.all([this.#announce(), asked]), leftOf(hookShare));
    const isMover = (link: Link): boolean => hasOthers && canMove(link);
    const [movers, others] = [links.filter(isMover), links.filter((link) => !isMover(link))];
    const ended = Promise.all([
      this.#end(others, leftOf(cutShare)),
      this.#move(movers, leftOf(moveShare)).then(() => this.#end(movers, leftOf(cutShare))),
    ]).then(() => Promise.all(links.map(hasEnded)));
    await this.#within(ended, leftOf(cutShare));
    for (const link of links) if (link.state !== 'closed') link.terminate(CloseCode.SERVICE_RESTART, serviceRestart);
    // A handler whose connection has ended may still use what the shutdown hooks are about to close.
    const settled = ended.then(() => Promise.all([disconnectHooks.settled(), ...links.map(idle)]));
    await this.#within(settled, Math.max(leftOf(1), minFinishMs));
    const moved = links.filter((link) => handovers.hasMoved(link)).length;
    const closed = links.filter((link) => link.hasClosed && !handovers.hasMoved(link)).length;
    return this.#report({
      connections: links.length,
      ...{ moved, closed },
      cut: links.length - moved - closed,
      handlersFinished: traffic.messagesHandled - messagesHandled,
      handlersCut: traffic.messagesDropped - messagesDropped,
      hooksUnfinished: disconnectHooks.size,
      durationMs: Math.round(clock.now() - begun),
    });
  }

  async #announce(): Promise<void> {
    const gateways = [...this.#parts.routes].flatMap((route) => route.gateways);
    await Promise.all(
      gateways.map(async ({ instance }) => {
        try {
          // Any gateway may have the hook, none has to.
          await (instance as DrainHook | undefined)?.onDrain?.();
        } catch (error) {
          this.#parts.log.error('hook', 'An onDrain hook failed', error);
        }
      }),
    );
  }

  /** Whether there is another node to go to. */
  async #hasOthers(): Promise<boolean> {
    try {
      const living = await this.#parts.heartbeat.living();
      return living !== undefined && living.length > 1;
    } catch {
      // Without the engine no session can be claimed elsewhere.
      return false;
    }
  }

  /** Resolves when all have moved, or time is up. */
  async #move(movers: readonly Link[], timeoutMs: number): Promise<void> {
    const { handovers, random, drainWindowMs: windowMs } = this.#parts;
    const moves: Promise<void>[] = [];
    // Half of the time is for those that are asked last.
    const asked = this.#inBatches(movers, timeoutMs, (link) => {
      const retryAfterMs = Math.round(random.next() * windowMs);
      const data = { retryAfterMs, windowMs, reason: serviceRestart, handoverMs: Math.round(timeoutMs) };
      moves.push(handovers.ask(link, data).then(() => this.#closeMoved(link)));
    });
    await this.#within(
      asked.then(() => Promise.all(moves)),
      timeoutMs,
    );
  }

  /** Nothing comes any more of a client that has moved. */
  #closeMoved(link: Link): void {
    if (!this.#parts.handovers.hasMoved(link)) return;
    link.pause('drain');
    void idle(link).then(() => link.close(CloseCode.SERVICE_RESTART, serviceRestart));
  }

  async #end(links: readonly Link[], timeoutMs: number): Promise<void> {
    for (const link of links) link.pause('drain');
    const staying = links.filter(({ isEnding }) => !isEnding);
    await this.#inBatches(staying, timeoutMs, (link) => {
      // A stream gives up its turn before it sends its first values, which may be all it has.
      void idle(link).then(() => this.#close(link));
    });
  }

  /** Batch after batch across the window, so that the other nodes are not met by all clients at once. */
  async #inBatches(links: readonly Link[], timeoutMs: number, act: (link: Link) => void): Promise<void> {
    const batches = Math.ceil(links.length / batchSize);
    // Half of the time is for those that do not answer.
    const pauseMs = Math.min(this.#parts.drainWindowMs, timeoutMs / 2) / Math.max(1, batches);
    for (let batch = 0; batch < batches; batch++) {
      if (batch > 0) await this.#sleep(pauseMs);
      for (const link of links.slice(batch * batchSize, (batch + 1) * batchSize)) act(link);
    }
  }

  #close(link: Link): void {
    const { drainWindowMs, random } = this.#parts;
    if (link.connection.handshake.mode === 'sdk' && link.isAdmitted) {
      const retryAfterMs = Math.round(random.next() * drainWindowMs);
      const data = { retryAfterMs, windowMs: drainWindowMs, reason: serviceRestart };
      link.send({ event: ReservedEvent.drain, data }, 'control');
    }
    link.close(CloseCode.SERVICE_RESTART, serviceRestart);
  }

  #report(report: DrainReport): DrainReport {
    const { connections, moved, closed, cut, handlersFinished, handlersCut, hooksUnfinished, durationMs } = report;
    this.#parts.index.drained(report);
    this.#logger.log(
      `Drained ${connections} connections in ${durationMs} ms: ${moved} moved, ${closed} closed, ${cut} cut; handlers: ` +
        `${handlersFinished} finished, ${handlersCut} cut; disconnect hooks unfinished: ${hooksUnfinished}`,
    );
    return report;
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.wheel.schedule(new Deadline(resolve), delayMs);
    });
  }

  async #within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
    const { wheel } = this.#parts;
    let deadline: Deadline | undefined;
    const expired = new Promise<void>((resolve) => {
      deadline = new Deadline(resolve);
      wheel.schedule(deadline, timeoutMs);
    });
    await Promise.race([work, expired]);
    if (deadline) wheel.cancel(deadline);
  }
}

/** Whether a client understands that it is to open its next connection before this one ends. */
function canMove({ connection, isAdmitted, isEnding }: Link): boolean {
  return connection.handshake.mode === 'sdk' && isAdmitted && !isEnding;
}

/** Resolves when nothing that has arrived is left to be handled, or the connection has ended. */
function idle({ receiver }: Link): Promise<void> {
  return new Promise((resolve) => {
    if (receiver) receiver.onceIdle(resolve);
    else resolve();
  });
}

function hasEnded(link: Link): Promise<void> {
  if (link.state === 'closed') return Promise.resolve();
  return new Promise((resolve) => {
    link.signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
