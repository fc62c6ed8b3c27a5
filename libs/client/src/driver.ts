import { type Envelope } from '@holdfast/protocol';
import { type Emitter } from './emitter.js';
import { Link } from './link.js';
import { idleMachine, type Input, type Machine, type StateChange, step } from './machine.js';
import { type Settings } from './options.js';
import { type TimerHandle } from './ports.js';
import { Refresher } from './refresher.js';
import { WakeWatch } from './wake-watch.js';

export interface DriverOwner {
  /** A connection is open, and everybody has been told. */
  opened(): void;
  /** A connection or attempt is over. */
  left(): void;
  /** There will be no other attempt. */
  finished(): void;
  received(envelope: Envelope): void;
  /** Sends a fresh token; rejects with what the server says against it. */
  present(token: string): Promise<void>;
}

/** Does what the machine decides: one link at a time, the timer of the next attempt, and the watch for waking up. */
export class Driver {
  readonly #settings: Settings;
  readonly #emitter: Emitter;
  readonly #owner: DriverOwner;
  #machine: Machine = idleMachine;
  #link: Link | undefined;
  #refresher: Refresher | undefined;
  #retryTimer: TimerHandle = undefined;
  #lastToken: string | undefined;
  readonly #wakeWatch: WakeWatch;

  constructor(settings: Settings, emitter: Emitter, owner: DriverOwner) {
    this.#settings = settings;
    this.#emitter = emitter;
    this.#owner = owner;
    this.#wakeWatch = new WakeWatch(settings.ports, (what) => {
      this.apply({ type: what });
      this.#link?.probe();
    });
  }

  get state(): Machine['state'] {
    return this.#machine.state;
  }

  /** That of the present connection or attempt. */
  get link(): Link | undefined {
    return this.#link;
  }

  apply(input: Input): void {
    const { clock, random, surroundings } = this.#settings.ports;
    const isOnline = surroundings.isOnline();
    const facts = { now: clock.now(), wallNow: clock.wallNow(), isOnline, random, policy: this.#settings };
    const before = this.#machine;
    const machine = step(before, input, facts);
    const { change } = machine;
    this.#machine = machine;
    if (change === undefined || change === before.change) return;
    if (change.to !== 'open') this.#leave();
    this.#emitter.emit('$state', change);
    // A listener may have called us, and what it asked for is done already.
    if (this.#machine === machine) this.#enter(change);
  }

  #leave(): void {
    const { clock } = this.#settings.ports;
    clock.cancel(this.#retryTimer);
    this.#refresher?.stop();
    this.#refresher = undefined;
    if (this.#link === undefined) return;
    this.#lastToken = this.#link.token;
    this.#link.close();
    this.#link = undefined;
    this.#owner.left();
  }

  #enter({ to, nextAttemptAt = 0 }: StateChange): void {
    const { clock } = this.#settings.ports;
    if (to === 'connecting') {
      this.#wakeWatch.start();
      this.#connect();
    } else if (to === 'waiting') {
      this.#retryTimer = clock.schedule(() => this.apply({ type: 'retry' }), nextAttemptAt - clock.wallNow());
    } else if (to === 'open') {
      const link = this.#link;
      this.#emitter.afterwards(() => {
        if (this.#link === link) this.#owner.opened();
      });
    } else {
      this.#wakeWatch.stop();
      this.#lastToken = undefined;
      this.#owner.finished();
    }
  }

  #connect(): void {
    const link = new Link(this.#settings, {
      apply: (input) => this.apply(input),
      received: (envelope) => this.#owner.received(envelope),
      refresh: (expiresInMs) => this.#refresh(expiresInMs),
      tell: (event, data) => this.#emitter.emit(event, data),
    });
    this.#link = link;
    link.start(this.#machine.tokenRefused ? this.#lastToken : undefined);
  }

  #refresh(expiresInMs: number): void {
    const { token, ports } = this.#settings;
    if (token === undefined) return;
    this.#refresher?.stop();
    this.#refresher = new Refresher(
      ports.clock,
      token,
      (fresh) => this.#owner.present(fresh),
      (error) => this.#emitter.emit('$error', error),
    );
    void this.#refresher.refresh(expiresInMs);
  }
}
