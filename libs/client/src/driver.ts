import { Emitter } from './emitter.js';
import { frameOf } from './frame.js';
import { Handover } from './handover.js';
import { Link } from './link.js';
import { type Facts, handoverWaitMs, hasGivenUp, idleMachine, type Input, type Machine, step } from './machine.js';
import { isFinal, type StateChange } from './state.js';
import type { Settings } from './options.js';
import { Outbox } from './outbox.js';
import type { TimerHandle } from './ports.js';
import { Requests } from './requests.js';
import type { ReservedName } from './reserved-name.js';
import type { RoomsPart } from './rooms-port.js';
import { WakeWatch } from './wake-watch.js';

/** Does what the machine decides: one link at a time, the timer of the next attempt, and the watch for waking up. */
export class Driver {
  readonly emitter = new Emitter();
  readonly outbox: Outbox;
  readonly requests: Requests;
  readonly rooms: RoomsPart | undefined;
  readonly #settings: Settings;
  readonly #wakeWatch: WakeWatch;
  #machine: Machine = idleMachine;
  readonly #handover: Handover;
  #link: Link | undefined;
  /** It still answers, after another one has taken its place. */
  #retired: Link | undefined;
  #retryTimer: TimerHandle;

  constructor(settings: Settings) {
    this.#settings = settings;
    const hint = (): string => (this.#machine.state === 'idle' ? ': connect() was not called' : '');
    this.outbox = new Outbox(settings.outbox, hint);
    this.requests = new Requests(settings.ports.clock, hint);
    const isOpen = (): boolean => this.#link?.isWritable === true;
    this.rooms = settings.rooms?.attach({
      ports: settings.ports,
      url: settings.url,
      get isOpen() {
        return isOpen();
      },
      request: (event, data) => this.#request(event, data),
    });
    this.#handover = new Handover(settings.ports.clock, () => {
      this.apply({ type: 'handover' });
      return this.#newLink();
    });
    this.#wakeWatch = new WakeWatch(settings.ports, (what) => {
      this.apply({ type: what });
      this.#link?.probe();
    });
  }

  get machine(): Machine {
    return this.#machine;
  }

  /** The present attempt or connection. */
  get link(): Link | undefined {
    return this.#link;
  }

  apply(input: Input): void {
    const before = this.#machine;
    const machine = step(before, input, this.#facts);
    // The application was asked (`comesBack`), and closed or connected instead of just answering.
    if (this.#machine !== before) return;
    this.#machine = machine;
    const { change } = machine;
    if (!change || change === before.change) return;
    if (change.to !== 'open') this.#leave(change);
    this.emitter.emit('$state', change);
    this.emitter.afterwards(() => {
      // Unless a listener has called us, and something else is the case now.
      if (this.#machine.change === change) this.#enter(change);
    });
  }

  get #facts(): Facts {
    const { clock, random, surroundings } = this.#settings.ports;
    const isOnline = surroundings.isOnline();
    return { now: clock.now(), wallNow: clock.wallNow(), isOnline, random, policy: this.#settings };
  }

  /** Before listeners are called, so that one that connects again starts without old state. */
  #leave(change: StateChange): void {
    this.#settings.ports.clock.cancel(this.#retryTimer);
    this.#handover.stop();
    this.#link?.close();
    this.#retired?.close();
    this.#link = this.#retired = undefined;
    this.requests.lose(change);
    this.rooms?.lost(change.code);
    if (!isFinal(change.to)) return;
    if (!hasGivenUp(this.#machine, this.#settings)) this.#wakeWatch.stop();
    this.outbox.clear(change);
  }

  #enter({ to, nextAttemptAt = 0 }: StateChange): void {
    const { clock } = this.#settings.ports;
    if (to === 'connecting') {
      this.#wakeWatch.start();
      this.#link = this.#newLink();
      this.#link.start(this.#machine.refused);
    } else if (to === 'waiting') {
      this.#retryTimer = clock.schedule(() => this.apply({ type: 'retry' }), nextAttemptAt - clock.wallNow());
    } else if (to === 'open') {
      const settled = (): void => this.#retired?.moved();
      if (this.rooms) this.rooms.welcomed(this.#link?.welcome?.session, settled);
      else settled();
      this.#flush();
    }
  }

  #newLink(): Link {
    const { emitter, requests, rooms } = this;
    // It tells nothing before it is started.
    const link: Link = new Link(this.#settings, emitter, requests, rooms, (input) => this.#told(link, input));
    return link;
  }

  #told(link: Link, input: Input): void {
    if (link === this.#handover.link) {
      this.#handover.done();
      if (input.type === 'welcome') this.#takeOver(link);
      else this.#handOver();
    } else if (link !== this.#retired) {
      this.apply(input);
      if (input.type === 'drain' && this.#machine.state === 'open') {
        if (input.drain.handoverMs) this.#handOver();
        else this.#handover.stop();
      }
    } else if (input.type === 'ended') {
      this.#retired = undefined;
      this.requests.lose({ ...input.ending, to: 'waiting' }, link);
    }
  }

  #handOver(): void {
    this.#handover.attempt(handoverWaitMs(this.#machine, this.#facts));
  }

  #takeOver(link: Link): void {
    this.#link?.retire();
    this.#retired?.close();
    this.#retired = this.#link;
    this.#link = link;
    this.apply({ type: 'moved' });
  }

  async #request(event: ReservedName, data: object): Promise<unknown> {
    const id = this.requests.nextId();
    const message = frameOf(event, data, id);
    const request = this.requests.open(id, {}, this.#settings.requestTimeoutMs);
    message.request = request;
    const error = this.#link?.send(message);
    if (error) request.fail(error);
    return request.promise;
  }

  #flush(): void {
    const link = this.#link;
    if (!link?.isWritable) return;
    this.outbox.flush((message) => {
      // It was taken before anybody knew what the server takes.
      const error = link.send(message);
      if (!error) return;
      this.outbox.refuse(error);
      if (message.request) message.request.fail(error);
      else this.emitter.emit('$error', error);
    });
  }
}
