import type { IncomingMessage } from 'node:http';
import { type Arrival, type Destination, PathMatcher, type PayloadLimits } from '../admission/index.js';
import type { Connection, Link } from '../connection/index.js';
import { type HandlerPlan, PUBLISH_EVENT, ROOM_EVENT } from '../dispatch/index.js';
import { RawFormat, type WireFormat } from '../format/index.js';
import { Endpoint } from './endpoint.js';
import type { GatewayInfo } from './gateway-info.js';

/** Nest's own callback for a new client of a gateway. */
export type NestConnectCallback = (connection: Connection, request: IncomingMessage) => void;

/** Asks gateways about a client, see {@link Destination.admit}. */
export interface Guards {
  admit(arrival: Arrival, gateways: readonly GatewayInfo[]): Promise<void> | undefined;
}

export interface RouteParts {
  readonly port: number;
  readonly path: string;
  readonly gateways: readonly GatewayInfo[];
  readonly handlers: ReadonlyMap<string, HandlerPlan>;
  readonly settings: PayloadLimits;
  readonly format: WireFormat | undefined;
  /** Of the application. */
  readonly subprotocols: readonly string[];
  readonly guards: Guards;
  /** @returns the connections that are filed under a key, see `ConnectionIndex`. */
  readonly connectionsOf: (key: object) => ReadonlySet<Connection>;
}

const routes = new WeakMap<Endpoint, Route>();

/** One path on one port, as Holdfast knows it. Applications see its {@link Endpoint}. */
export class Route implements Destination {
  readonly endpoint: Endpoint;
  readonly route: string;
  readonly keys: readonly object[];
  readonly gateways: readonly GatewayInfo[];
  readonly handlers: ReadonlyMap<string, HandlerPlan>;
  /** Who decides whether a client may join, by the pattern of the room. */
  readonly rooms = new PathMatcher<HandlerPlan>();
  /** Who is given what clients publish, by the pattern of the room. */
  readonly publishing = new PathMatcher<HandlerPlan>();
  readonly settings: PayloadLimits;
  readonly format: WireFormat | undefined;
  readonly subprotocols: readonly string[];
  /** Nothing of this path runs in Nest's own chain, so that Nest need not be told of its clients. */
  readonly isDirect: boolean;
  readonly connectCallbacks: NestConnectCallback[] = [];
  /** `afterInit` hooks at work: the boot waits for them. */
  readonly inits: Promise<void>[] = [];
  readonly #guards: Guards;

  constructor(parts: RouteParts) {
    const { port, path, gateways, handlers, settings, format, subprotocols, guards, connectionsOf } = parts;
    this.route = path;
    this.gateways = gateways;
    this.handlers = handlers;
    for (const [event, plan] of handlers) {
      if (event.startsWith(ROOM_EVENT)) this.rooms.add(event.slice(ROOM_EVENT.length), plan);
      if (event.startsWith(PUBLISH_EVENT)) this.publishing.add(event.slice(PUBLISH_EVENT.length), plan);
    }
    this.settings = settings;
    this.format = format;
    this.subprotocols = subprotocols;
    this.#guards = guards;
    this.keys = [...gateways.map(({ type }) => type), this];
    const hasHooks = gateways.some(
      ({ hasConnectionHook, hasDisconnectHook }) => hasConnectionHook || hasDisconnectHook,
    );
    this.isDirect = !hasHooks && [...handlers.values()].every(({ direct }) => direct !== undefined);
    this.endpoint = new Endpoint(port, path, connectionsOf(this));
    routes.set(this.endpoint, this);
  }

  /** Frames of the format `raw` are the application's own. */
  get servesSdk(): boolean {
    return !(this.format instanceof RawFormat);
  }

  admit(arrival: Arrival): Promise<void> | undefined {
    return this.#guards.admit(arrival, this.gateways);
  }
}

/** Where a connection leads to; undefined for a link that no gateway has made. */
export function routeOfLink({ place }: Link): Route | undefined {
  return place.keys.find((key) => key instanceof Route);
}

/** The route of what Nest hands around as "server", where it is one of ours. */
export function routeOf(server: unknown): Route | undefined {
  return server instanceof Endpoint ? routes.get(server) : undefined;
}
