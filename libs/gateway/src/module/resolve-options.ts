import 'reflect-metadata';
import type { Backplane } from '@holdfast/backplane';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import type { DecodeLimits } from '@holdfast/protocol';
import { defaultDecodeLimits } from '@holdfast/protocol';
import { type AdmissionOptions, originProblems, proxyProblems } from '../admission/index.js';
import { authContradictions, resolveAuthOptions, type ResolvedAuthOptions } from '../auth/index.js';
import type { MessageOptions } from '../dispatch/index.js';
import { HoldfastError } from '../errors/index.js';
import type { HeartbeatOptions } from '../heartbeat/index.js';
import { unfinishedProblems } from '../intake/index.js';
import type { LifecycleOptions } from '../lifecycle/index.js';
import type { OutboxOptions } from '../outbox/index.js';
import {
  nameProblems,
  roomLimitDefaults,
  type RoomLimits,
  type RoomPolicyOptions,
  roomProblems,
} from '../rooms/index.js';
import type { SessionOptions } from '../session/index.js';
import { HoldfastOptions } from './options.js';

/** Options whose defaults follow from what gateways take, see `endpointSettings` and `UnfinishedBytes`. */
type PerGateway = 'maxFragments' | 'maxBufferedChunks' | 'unfinishedBytes';

type ResolvedMessageOptions = Readonly<Required<Omit<MessageOptions, PerGateway>>> &
  Readonly<Record<PerGateway, number | undefined>>;

/** {@link HoldfastOptions} with every default filled in, frozen. */
export interface ResolvedOptions {
  readonly production: boolean;
  readonly backplane: Backplane | undefined;
  readonly auth: ResolvedAuthOptions;
  /** Whether tokens can be verified by a key of the options. */
  readonly hasKey: boolean;
  readonly admission: Readonly<Required<AdmissionOptions>>;
  readonly heartbeat: Readonly<Required<HeartbeatOptions>>;
  readonly messages: ResolvedMessageOptions;
  readonly outbox: Readonly<Required<OutboxOptions>>;
  readonly lifecycle: Readonly<Required<LifecycleOptions>>;
  readonly decodeLimits: DecodeLimits;
  readonly rooms: readonly RoomPolicyOptions[];
  readonly roomLimits: RoomLimits;
  readonly sessions: Readonly<Required<SessionOptions>>;
}

/**
 * @param ownAuthenticator - the application verifies tokens by an {@link Authenticator} of its own.
 * @throws HoldfastError `INVALID_OPTIONS` that names each wrong option and what is allowed.
 */
export function resolveOptions(given: HoldfastOptions, ownAuthenticator: boolean): ResolvedOptions {
  const problems = shapeProblems(given);
  // What does not have the right shape cannot be asked for contradictions.
  if (problems.length === 0) problems.push(...contradictions(given, ownAuthenticator));
  if (problems.length > 0) {
    throw new HoldfastError(
      'INVALID_OPTIONS',
      `Holdfast was given options it cannot work with:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    );
  }
  return resolve(given);
}

function shapeProblems(given: unknown): string[] {
  // A factory of the application may have returned anything.
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return ['the options must be an object'];
  // Whatever is in it: it is checked below.
  const { backplane, ...rest } = given as HoldfastOptions;
  const options = plainToInstance(HoldfastOptions, rest);
  // An engine is no plain object, and must not be copied.
  if (backplane !== undefined) options.backplane = backplane;
  const errors = validateSync(options, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: false,
  });
  return errors.flatMap((error) => describe(error));
}

function resolve(given: HoldfastOptions): ResolvedOptions {
  const messages: ResolvedMessageOptions = { ...messageDefaults, ...defined(given.messages) };
  const { maxEventLength, maxIdLength, maxDepth, maxMembers } = messages;
  const auth = resolveAuthOptions(given.auth ?? {});
  const outbox = { ...outboxDefaults, ...defined(given.outbox) };
  return Object.freeze({
    production: isProduction(given),
    backplane: given.backplane ?? undefined,
    auth,
    hasKey: [auth.secret, auth.publicKey, auth.jwksUrl].some((key) => key !== undefined),
    admission: resolveAdmission(given.admission),
    heartbeat: Object.freeze({ ...heartbeatDefaults, ...defined(given.heartbeat) }),
    messages: Object.freeze(messages),
    outbox: Object.freeze(outbox),
    lifecycle: Object.freeze({ ...lifecycleDefaults, ...defined(given.lifecycle) }),
    rooms: Object.freeze(given.rooms ?? []),
    roomLimits: Object.freeze({
      ...roomLimitDefaults,
      publicationBytes: Math.min(roomLimitDefaults.publicationBytes, outbox.highWaterBytes),
      ...defined(given.roomLimits),
    }),
    sessions: Object.freeze({ ...sessionDefaults, ...defined(given.sessions) }),
    decodeLimits: Object.freeze({ ...defaultDecodeLimits, maxEventLength, maxIdLength, maxDepth, maxMembers }),
  });
}

function resolveAdmission(given: AdmissionOptions | undefined): Readonly<Required<AdmissionOptions>> {
  const { handshakeRate, keepHeaders, ...admission } = { ...admissionDefaults, ...defined(given) };
  const { limit, windowMs } = handshakeRate;
  return Object.freeze({
    ...admission,
    handshakeRate: Object.freeze({ limit, windowMs }),
    // As Node spells them.
    keepHeaders: Object.freeze(keepHeaders.map((name) => name.toLowerCase())),
  });
}

const admissionDefaults: Required<AdmissionOptions> = {
  origins: 'same-origin',
  allowMissingOrigin: true,
  allowAnyOriginInProduction: false,
  trustedProxies: [],
  maxConnections: 50_000,
  maxConnectionsPerIp: 200,
  maxConnectionsPerPrincipal: 50,
  handshakeRate: { limit: 100, windowMs: 10_000 },
  maxHandshakeWaitMs: 5_000,
  handshakeTimeoutMs: 10_000,
  headerBytes: 4_096,
  keepHeaders: [
    ...['host', 'user-agent', 'accept-language', 'x-request-id', 'x-correlation-id'],
    ...['x-forwarded-for', 'forwarded'],
  ],
  useGlobalPrefix: true,
};
const heartbeatDefaults: Required<HeartbeatOptions> = { intervalMs: 25_000, missedBeats: 2 };
const messageDefaults: ResolvedMessageOptions = {
  maxPayloadBytes: 262_144,
  maxFragments: undefined,
  maxBufferedChunks: undefined,
  unfinishedBytes: undefined,
  inboxMessages: 256,
  inboxBytes: 1_048_576,
  handlerTimeoutMs: 30_000,
  maxStreams: 100,
  maxViolations: 20,
  maxEventLength: defaultDecodeLimits.maxEventLength,
  maxIdLength: defaultDecodeLimits.maxIdLength,
  maxDepth: defaultDecodeLimits.maxDepth,
  maxMembers: defaultDecodeLimits.maxMembers,
  bytesPerSecond: 8_388_608,
};
const outboxDefaults: Required<OutboxOptions> = {
  highWaterBytes: 1_048_576,
  lowWaterBytes: 262_144,
  overflow: 'close',
};
const sessionDefaults: Required<SessionOptions> = { resumableMs: 120_000 };
const lifecycleDefaults: Required<LifecycleOptions> = {
  connectTimeoutMs: 10_000,
  helloTimeoutMs: 10_000,
  closeTimeoutMs: 5_000,
  drainWindowMs: 5_000,
  drainTimeoutMs: 10_000,
};

function isProduction({ production }: HoldfastOptions): boolean {
  return production ?? process.env['NODE_ENV'] === 'production';
}

function contradictions(given: HoldfastOptions, ownAuthenticator: boolean): string[] {
  const { auth } = given;
  const admission = { ...admissionDefaults, ...defined(given.admission) };
  const { origins, trustedProxies } = admission;
  const roomLimits = { ...roomLimitDefaults, ...defined(given.roomLimits) };
  const found = [
    ...originProblems(origins).map((problem) => `admission.origins: ${problem}`),
    ...roomProblems(given.rooms ?? []).map((problem) => `rooms: ${problem}`),
    ...nameProblems(roomLimits.nameCharacters).map((problem) => `roomLimits.nameCharacters: ${problem}`),
    ...proxyProblems(trustedProxies).map((problem) => `admission.trustedProxies: ${problem}`),
    ...(auth ? authContradictions(auth, ownAuthenticator).map((problem) => `auth: ${problem}`) : []),
  ];
  if (origins === '*' && isProduction(given) && !admission.allowAnyOriginInProduction) {
    found.push(
      "admission.origins: '*' lets every web page use its visitors' cookies here; production refuses it unless admission.allowAnyOriginInProduction is true. Allowed: 'same-origin' or a list of origins",
    );
  }
  const { inboxBytes, maxPayloadBytes, unfinishedBytes } = { ...messageDefaults, ...defined(given.messages) };
  found.push(...unfinishedProblems(unfinishedBytes, maxPayloadBytes));
  if (inboxBytes < maxPayloadBytes) {
    found.push(
      `messages.inboxBytes (${inboxBytes}) must not be below messages.maxPayloadBytes (${maxPayloadBytes}): one message would fill the inbox`,
    );
  }
  const { highWaterBytes, lowWaterBytes } = { ...outboxDefaults, ...defined(given.outbox) };
  if (lowWaterBytes >= highWaterBytes) {
    found.push(`outbox.lowWaterBytes (${lowWaterBytes}) must be below outbox.highWaterBytes (${highWaterBytes})`);
  }
  const publicationBytes = given.roomLimits?.publicationBytes ?? 0;
  if (publicationBytes > highWaterBytes) {
    found.push(
      `roomLimits.publicationBytes (${publicationBytes}) must not be above outbox.highWaterBytes (${highWaterBytes}): a client that gets one publication would be taken for one that does not read`,
    );
  }
  return found;
}

/** An option that is present but undefined means its default; so does null, which is what JSON says for it. */
function defined<T extends object>(options: T | null | undefined): Partial<T> {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined && value !== null);
  // Dropping entries leaves a part of what there was.
  return Object.fromEntries(given) as Partial<T>;
}

function describe({ property, constraints, children, value, target }: ValidationError, path = ''): string[] {
  const name = path + property;
  const own = Object.entries(constraints ?? {}).map(([rule, message]) =>
    rule === 'whitelistValidation'
      ? `${name} is not an option of Holdfast; allowed here: ${namesBeside(target).join(', ')}`
      : `${message.replace(property, name)}, but is ${show(value)}`,
  );
  return [...own, ...(children ?? []).flatMap((child) => describe(child, `${name}.`))];
}

/** The options that the class of `target` knows. */
function namesBeside(target: object | undefined): string[] {
  if (!target) return [];
  const rules = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', false, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))];
}

/** Secrets are options too: only what cannot be one is shown. */
function show(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `of type ${typeof value}`;
}
