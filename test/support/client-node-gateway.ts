import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Concurrent, HoldfastException, HoldfastGateway, type HoldfastOptions } from '@holdfast/gateway';
import { concat, NEVER, type Observable, of, throwError } from 'rxjs';

/** Path of {@link DeskGateway}. */
export const deskPath = '/desk';

/** Beats often, and misses many: a process that waits for a core of this machine is not taken for dead. */
const heartbeat = { intervalMs: 400, missedBeats: 4 };
/** After so long without a byte a client takes the server for dead. */
export const silenceMs = heartbeat.intervalMs * (1 + heartbeat.missedBeats);

export const deskOptions = {
  heartbeat,
  // Nobody waits long for what never ends.
  lifecycle: { drainTimeoutMs: 2_000 },
  admission: { maxConnectionsPerIp: Infinity, handshakeRate: { limit: Infinity, windowMs: 1_000 } },
} satisfies HoldfastOptions;

/** Answers in every way there is. */
@WebSocketGateway({ path: deskPath })
export class DeskGateway extends HoldfastGateway {
  /** Told of each note, and of `never` when it has begun. */
  tell: (what: 'note' | 'never', data: unknown) => void = () => undefined;

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data;
  }

  @SubscribeMessage('note')
  note(@MessageBody() data: unknown): void {
    this.tell('note', data);
  }

  /** Holds up nobody else. */
  @Concurrent(8)
  @SubscribeMessage('never')
  never(@MessageBody() data: unknown): Promise<never> {
    this.tell('never', data);
    return new Promise(() => undefined);
  }

  @SubscribeMessage('refuse')
  refuse(): never {
    throw new HoldfastException('CONFLICT', 'Somebody was faster', { version: 3 });
  }

  @SubscribeMessage('break')
  break(): never {
    throw new Error('the password of the database is 1234');
  }

  @SubscribeMessage('count')
  count(): Observable<number> {
    return of(1, 2, 3);
  }

  @SubscribeMessage('count and fail')
  countAndFail(): Observable<number> {
    return concat(
      of(1, 2),
      throwError(() => new HoldfastException('CONFLICT', 'No further')),
    );
  }

  @SubscribeMessage('count on')
  countOn(): Observable<number> {
    return concat(of(1, 2), NEVER);
  }

  @SubscribeMessage('headlines')
  headlines(): Observable<{ event: string; data: string }> {
    return of({ event: 'headline', data: 'one' }, { event: 'headline', data: 'two' });
  }

  /** Answers under a name of its own. */
  @SubscribeMessage('look')
  look(@MessageBody() data: unknown): { event: string; data: unknown } {
    return { event: 'seen', data };
  }
}
