import {
  type Link,
  type LinkObserver,
  type ObserverPlace,
  observerPlaces,
  type Principal,
  type StateChange,
} from '../connection/index.js';
import type { BoundedLog } from '../ground/index.js';

type LinkEvent = keyof LinkObserver;

/** Those that want to hear of an event, by event: most observers want few. */
type Interested = { readonly [E in LinkEvent]-?: LinkObserver[] };

/**
 * Tells the features of the life of every link, in the order of {@link observerPlaces}. An observer that throws does
 * not keep those behind it from being called; only `opened` and `principalChanged` pass on what was thrown, because a
 * client that cannot be looked after must not be served.
 */
export class LinkObservers implements Required<LinkObserver> {
  readonly #byPlace = new Map<ObserverPlace, LinkObserver[]>(observerPlaces.map((place) => [place, []]));
  #interested = interestedOf([]);

  constructor(private readonly log: BoundedLog) {}

  /** Of one place, those that were registered first are called first. */
  register(place: ObserverPlace, observer: LinkObserver): void {
    this.#byPlace.get(place)?.push(observer);
    this.#interested = interestedOf([...this.#byPlace.values()].flat());
  }

  joined(link: Link): void {
    this.#tell('joined', (observer) => observer.joined?.(link));
  }

  admitted(link: Link): void {
    this.#tell('admitted', (observer) => observer.admitted?.(link));
  }

  opened(link: Link): void {
    this.#demand('opened', (observer) => observer.opened?.(link));
  }

  changed(link: Link, change: StateChange): void {
    this.#tell('changed', (observer) => observer.changed?.(link, change));
  }

  principalChanged(link: Link, previous: Principal | undefined): void {
    this.#demand('principalChanged', (observer) => observer.principalChanged?.(link, previous));
  }

  tagged(link: Link, tag: string): void {
    this.#tell('tagged', (observer) => observer.tagged?.(link, tag));
  }

  untagged(link: Link, tag: string): void {
    this.#tell('untagged', (observer) => observer.untagged?.(link, tag));
  }

  congested(link: Link, isCongested: boolean): void {
    this.#tell('congested', (observer) => observer.congested?.(link, isCongested));
  }

  ponged(link: Link, payload: Buffer): void {
    this.#tell('ponged', (observer) => observer.ponged?.(link, payload));
  }

  ended(link: Link): void {
    this.#tell('ended', (observer) => observer.ended?.(link));
  }

  /** @throws the first error, after all of them were called. */
  #demand(event: LinkEvent, tell: (observer: LinkObserver) => void): void {
    let failure: { readonly error: unknown } | undefined;
    for (const observer of this.#interested[event]) {
      try {
        tell(observer);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  #tell(event: LinkEvent, tell: (observer: LinkObserver) => void): void {
    for (const observer of this.#interested[event]) {
      try {
        tell(observer);
      } catch (error) {
        this.log.error(`observer:${event}`, `A feature failed when it was told of "${event}" of a connection`, error);
      }
    }
  }
}

function interestedOf(observers: readonly LinkObserver[]): Interested {
  const those = (event: LinkEvent): LinkObserver[] =>
    observers.filter((observer) => typeof observer[event] === 'function');
  return {
    joined: those('joined'),
    admitted: those('admitted'),
    opened: those('opened'),
    changed: those('changed'),
    principalChanged: those('principalChanged'),
    tagged: those('tagged'),
    untagged: those('untagged'),
    congested: those('congested'),
    ponged: those('ponged'),
    ended: those('ended'),
  };
}
