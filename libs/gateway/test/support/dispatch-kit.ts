import { defaultDecodeLimits } from '@holdfast/protocol';
import { EnvelopeAnswers } from '../../src/dispatch/answers.js';
import type { ConversationParts } from '../../src/dispatch/conversation.js';
import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import { Replier } from '../../src/dispatch/replier.js';
import { ReservedFrames } from '../../src/dispatch/reserved-frames.js';
import { Turns } from '../../src/dispatch/turns.js';
import { MemoryLimiter } from '@holdfast/backplane';
import { RateLimits } from '../../src/rate-limit/rate-limits.js';
import { Tracing } from '../../src/telemetry/tracing.js';
import { LinkKit } from './link-kit.js';

/** What conversations are made with. */
export class DispatchKit extends LinkKit {
  readonly reservedFrames = new ReservedFrames();
  /** What was measured: attributes, and how long it took. */
  readonly measured: unknown[] = [];
  readonly tracing = new Tracing();
  readonly replier = new Replier({
    counters: this.counters,
    metrics: { handled: (attributes, durationMs) => this.measured.push([attributes['holdfast.outcome'], durationMs]) },
    tracing: this.tracing,
    log: this.log,
    clock: this.clock,
    maxStreams: 2,
  });
  readonly limiter = new MemoryLimiter({ clock: this.clock });
  readonly dispatcher = new Dispatcher({
    replier: this.replier,
    rateLimits: new RateLimits(this.limiter, this.limiter, this.counters),
    tracing: this.tracing,
    wheel: this.wheel,
    clock: this.clock,
    metrics: { isEnabled: true },
  });
  readonly conversations: ConversationParts = {
    dispatcher: this.dispatcher,
    reservedFrames: this.reservedFrames,
    turns: new Turns(this.clock),
    wheel: this.wheel,
    counters: this.counters,
    traffic: this.traffic,
    limits: { inboxMessages: 8, inboxBytes: 65_536, handlerTimeoutMs: 1_000, maxViolations: 3 },
    decodeLimits: defaultDecodeLimits,
    answers: new EnvelopeAnswers(32),
    log: this.log,
  };
}
