import type { Server } from 'node:http';
import type { INestApplication, LoggerService, Type } from '@nestjs/common';
import { Counters } from '@holdfast/gateway';
import {
  HandshakeRefused,
  HoldfastTestApp,
  rawUpgrade,
  type RawUpgraded,
  type RawUpgradeOptions,
} from '@holdfast/testing';
import { SignJWT } from 'jose';
import { create as createApp, registryOf, type Setup as BootSetup } from './boot.js';

export { registryOf };

export const secret = 'a secret for tests that is long enough';

export interface Setup extends Omit<BootSetup, 'logger'> {
  readonly gateways?: readonly Type[];
  readonly logger?: LoggerService | false | undefined;
}

/** An application that has been made, and neither initialised nor let listen. */
export function create({ gateways = [], providers = [], logger, ...setup }: Setup): Promise<INestApplication> {
  return createApp({ ...setup, providers: [...gateways, ...providers], logger: logger === false ? undefined : logger });
}

export function start(setup: Setup): Promise<HoldfastTestApp> {
  return HoldfastTestApp.start(() => create(setup));
}

export function countersOf({ app }: HoldfastTestApp): Counters {
  return app.get(Counters);
}

/**
 * Waits until nobody is connected any more: the server hears of a departure a little later than the client that left.
 */
export async function deserted(app: HoldfastTestApp): Promise<void> {
  const registry = registryOf(app);
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (registry.size > 0) return;
      stop();
      resolve();
    };
    const stop = registry.on('left', check);
    check();
  });
}

export function serverOf({ app }: { readonly app: INestApplication }): Server {
  return app.getHttpServer() as Server;
}

/** A refused handshake, as far as clients can see it. */
export interface Refused {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Makes a bare handshake that has to be refused, and checks what every refusal has in common (PROTOCOL.md 2.2). */
export async function refused(url: string, options?: RawUpgradeOptions): Promise<Refused> {
  const answer = await rawUpgrade(url, options);
  if (answer.upgraded) {
    answer.socket.destroy();
    throw new Error('the handshake was to be refused, and was granted');
  }
  const { status, headers, body } = answer;
  // Checked right below.
  const { error } = JSON.parse(body) as { error: { code: string; message: string; retryAfterMs?: number } };
  const { code, message, retryAfterMs } = error;
  const isComplete =
    headers['content-type']?.startsWith('application/json') === true &&
    headers['connection']?.startsWith('close') === true &&
    (headers['retry-after'] !== undefined) === (retryAfterMs !== undefined);
  if (!isComplete) throw new Error(`not what a refusal looks like: ${JSON.stringify(headers)} ${body}`);
  return { status, code, message, retryAfterMs, headers, body };
}

/** Makes a bare handshake that has to be granted. */
export async function granted(url: string, options?: RawUpgradeOptions): Promise<RawUpgraded> {
  const answer = await rawUpgrade(url, options);
  if (!answer.upgraded) throw new Error(`the handshake was refused: ${answer.status} ${answer.body}`);
  return answer;
}

/** The error of a promise that has to fail; for what `ws` makes of a refusal. */
export async function refusalOf(connecting: Promise<AsyncDisposable>): Promise<HandshakeRefused> {
  const outcome = await connecting.catch((error: unknown) => error);
  if (outcome instanceof HandshakeRefused) return outcome;
  throw new Error(`the handshake was to be refused, but: ${String(outcome)}`);
}

export function tokenFor(subject: string, expires = '1h'): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

/** Holds up whoever comes to it until it is opened. */
export class Gate {
  open!: () => void;
  #arrive!: () => void;
  readonly #opened = new Promise<void>((resolve) => (this.open = resolve));
  /** Settles when somebody has come. */
  readonly reached = new Promise<void>((resolve) => (this.#arrive = resolve));

  async pass(): Promise<void> {
    this.#arrive();
    await this.#opened;
  }
}
