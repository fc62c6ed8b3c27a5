import { EventEmitter, on } from 'node:events';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Clock,
  type Connection,
  ConnectionRegistry,
  Counters,
  type DisconnectCause,
  HoldfastGateway,
  type HoldfastOptions,
  type Random,
} from '@holdfast/gateway';
import { HoldfastTestApp } from '@holdfast/testing';
import { boot } from './boot.js';

/** Path of {@link PulseGateway}. */
export const pulsePath = '/pulse';

/** Keeps the causes for which connections ended, for whoever asks later. */
@WebSocketGateway({ path: pulsePath })
class PulseGateway extends HoldfastGateway {
  readonly #departures = new EventEmitter<{ left: [DisconnectCause] }>();
  readonly left = on(this.#departures, 'left');
  /** Ends the handler that is at work. */
  release: () => void = () => undefined;

  override onDisconnect(_connection: Connection, cause: DisconnectCause): void {
    this.#departures.emit('left', cause);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }

  @SubscribeMessage('rtt')
  rtt(@ConnectedSocket() connection: Connection): number | null {
    return connection.rtt ?? null;
  }

  /** Is not finished before {@link release} is called. */
  @SubscribeMessage('block')
  block(): Promise<void> {
    return new Promise((resolve) => (this.release = resolve));
  }
}

export interface PulseSettings {
  readonly options: HoldfastOptions;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** An application with one gateway, whose time and chance can be chosen. */
export class PulseApp implements AsyncDisposable {
  private constructor(
    readonly nest: HoldfastTestApp,
    private readonly gateway: PulseGateway,
  ) {}

  static async start({ options, clock, random }: PulseSettings): Promise<PulseApp> {
    const nest = await boot({ options, clock, random, providers: [PulseGateway], logger: ['error', 'warn'] });
    return new PulseApp(nest, nest.app.get(PulseGateway));
  }

  get url(): string {
    return this.nest.url(pulsePath);
  }

  get connections(): readonly Connection[] {
    return [...this.nest.app.get(ConnectionRegistry)];
  }

  /** The one connection there is. */
  get connection(): Connection {
    const [connection, ...others] = this.connections;
    if (!connection || others.length > 0) throw new RangeError(`${this.connections.length} connections instead of one`);
    return connection;
  }

  missedBeats(mode: 'plain' | 'sdk'): number {
    return this.nest.app.get(Counters).get('missedBeat', mode);
  }

  /** How often the server stopped reading because too much waited. */
  get paused(): number {
    return this.nest.app.get(Counters).get('paused', 'inbox');
  }

  /** Why the next connection ended, of those nobody asked for yet. */
  async nextDeparture(): Promise<DisconnectCause> {
    const departure = await this.gateway.left.next();
    // What was emitted above.
    return (departure.value as [DisconnectCause])[0];
  }

  /** Ends the handler of `block` that is at work. */
  release(): void {
    this.gateway.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nest[Symbol.asyncDispose]();
  }
}

/** Limits that a test with many clients on one address would meet. */
export const crowdAdmission: HoldfastOptions['admission'] = {
  maxConnectionsPerIp: Infinity,
  handshakeRate: { limit: Infinity, windowMs: 1_000 },
};
