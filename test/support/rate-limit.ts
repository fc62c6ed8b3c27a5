import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, Public, RateLimit } from '@holdfast/gateway';
import { ManualClock, RequestFailed, TestClient, type TestClientOptions } from '@holdfast/testing';
import { SignJWT } from 'jose';
import { Fenced, gate, type Gate, serve, type Served } from './dispatch.js';

const secret = 'a secret for rate limits that is long enough';
const perSecond = { windowMs: 1_000 } as const;

@WebSocketGateway({ path: '/limits/:room' })
@UseGuards(AuthGuard)
@Public()
export class LimitsGateway extends Fenced {
  slow: Gate<string> = gate();

  @SubscribeMessage('fixed-window')
  @RateLimit({ ...perSecond, limit: 3, algorithm: 'fixed-window' })
  fixed(): void {}

  @SubscribeMessage('sliding-window')
  @RateLimit({ ...perSecond, limit: 3, algorithm: 'sliding-window' })
  sliding(): void {}

  @SubscribeMessage('token-bucket')
  @RateLimit({ ...perSecond, limit: 4, algorithm: 'token-bucket' })
  bucket(): void {}

  @SubscribeMessage('default')
  @RateLimit({ ...perSecond, limit: 1 })
  byDefault(): void {}

  @SubscribeMessage('principal')
  @RateLimit({ ...perSecond, limit: 1, per: 'principal' })
  perPrincipal(): void {}

  @SubscribeMessage('ip')
  @RateLimit({ ...perSecond, limit: 1, per: 'ip' })
  perIp(): void {}

  @SubscribeMessage('room')
  @RateLimit({ ...perSecond, limit: 1, per: ({ handshake }) => handshake.params['room'] ?? '' })
  perRoom(): void {}

  @SubscribeMessage('dear')
  @RateLimit({ ...perSecond, limit: 10, cost: 4 })
  dear(): void {}

  @SubscribeMessage('by size')
  @RateLimit({ ...perSecond, limit: 10, cost: (data) => (data as { items: unknown[] }).items.length })
  bySize(): void {}

  @SubscribeMessage('abused')
  @RateLimit({ ...perSecond, limit: 1, closeAfter: 3 })
  abused(): void {}

  @SubscribeMessage('slow')
  waits(): Promise<string> {
    return this.slow.promise;
  }

  @SubscribeMessage('burst and hour')
  @RateLimit({ windowMs: 1_000, limit: 2 })
  @RateLimit({ windowMs: 3_600_000, limit: 3 })
  both(): void {}
}

/** Every handler alone, and all of both gateways together. */
@WebSocketGateway({ path: '/a' })
@RateLimit({ ...perSecond, limit: 2 })
class AGateway {
  @SubscribeMessage('one')
  one(): void {}

  @SubscribeMessage('two')
  @RateLimit({ windowMs: 10_000, limit: 3 })
  two(): void {}

  @SubscribeMessage('write')
  @RateLimit({ windowMs: 5_000, limit: 4, per: 'ip', shared: 'writes', algorithm: 'fixed-window' })
  write(): void {}
}

@WebSocketGateway({ path: '/b' })
export class BGateway {
  @SubscribeMessage('write too')
  @RateLimit({ windowMs: 5_000, limit: 4, per: 'ip', shared: 'writes', algorithm: 'fixed-window' })
  write(): void {}
}

/** What a request is refused with; undefined where it is answered. */
export async function refusalOf(client: TestClient, event: string, data?: unknown): Promise<RequestFailed | undefined> {
  try {
    await client.request(event, data);
    return undefined;
  } catch (error) {
    if (error instanceof RequestFailed) return error;
    throw error;
  }
}

/** Which of so many requests in a row are answered. */
export async function passing(client: TestClient, event: string, times: number, data?: unknown): Promise<boolean[]> {
  const passed: boolean[] = [];
  for (let use = 0; use < times; use++) passed.push((await refusalOf(client, event, data)) === undefined);
  return passed;
}

export class Bench implements AsyncDisposable {
  private constructor(
    readonly served: Served,
    readonly clock: ManualClock,
  ) {}

  static async start(): Promise<Bench> {
    const clock = new ManualClock();
    const served = await serve([LimitsGateway, AGateway, BGateway], {
      clock,
      options: { auth: { secret }, heartbeat: { intervalMs: 0 } },
      admission: { trustedProxies: ['loopback'] },
    });
    return new Bench(served, clock);
  }

  connect(path = '/limits/red', options: TestClientOptions = {}): Promise<TestClient> {
    return TestClient.connect(this.served.url(path), options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.served[Symbol.asyncDispose]();
  }
}

export function tokenOf(subject: string): Promise<string> {
  return new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(subject).sign(new TextEncoder().encode(secret));
}
