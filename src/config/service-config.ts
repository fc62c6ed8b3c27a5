import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { LogLevel } from '@nestjs/common';
import type { HoldfastOptions } from '@holdfast/gateway';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Redis } from 'ioredis';
import type { TelemetryConfig } from '../telemetry/telemetry.js';
import { parseProxies } from './are-proxies.js';
import { Environment, logLevels } from './environment.js';
import { talkPolicy } from '../chat/chat-history.js';
import { inboxPolicy } from '../notifications/inbox.js';

/**
 * Everything this service can be told, complete and checked. Made once, from the environment; nothing else reads that.
 */
export interface ServiceConfig {
  readonly port: number;
  readonly host: string;
  readonly log: { readonly levels: LogLevel[]; readonly json: boolean };
  readonly holdfast: HoldfastOptions;
  readonly telemetry: TelemetryConfig;
  /** Set in demo mode: nobody said how tokens are verified, and it is not production. */
  readonly demoSecret: string | undefined;
  /** Tells this process from others on the same Redis; shown in demo mode only. */
  readonly nodeName: string;
}

/** A variable has a value the service cannot work with; the message names each one and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(problems: readonly string[]) {
    super(`The environment is not right:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
  }
}

/** @throws ConfigurationError */
export function readConfig(variables: NodeJS.ProcessEnv): ServiceConfig {
  const env = readEnvironment(variables);
  const production = env.NODE_ENV === 'production';
  const isDemo = !production && env.HOLDFAST_SECRET === undefined && env.HOLDFAST_JWKS_URL === undefined;
  const demoSecret = isDemo ? (env.HOLDFAST_DEMO_SECRET ?? randomBytes(32).toString('base64url')) : undefined;
  return Object.freeze<ServiceConfig>({
    port: Number(env.PORT ?? 3000),
    // The demo gives everybody a token, so it listens on this machine only; production runs behind a proxy.
    host: env.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    log: {
      levels: logLevels.slice(0, logLevels.indexOf(env.LOG_LEVEL ?? 'log') + 1),
      json: (env.LOG_FORMAT ?? (production ? 'json' : 'text')) === 'json',
    },
    holdfast: holdfastOptions(env, production, demoSecret),
    telemetry: {
      serviceName: env.OTEL_SERVICE_NAME ?? 'holdfast',
      otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, ''),
    },
    demoSecret,
    nodeName: env.HOLDFAST_NODE_NAME ?? randomBytes(2).toString('hex'),
  });
}

function holdfastOptions(env: Environment, production: boolean, demoSecret: string | undefined): HoldfastOptions {
  const { HOLDFAST_ORIGINS: origins = 'same-origin', HOLDFAST_TRUSTED_PROXIES: proxies = '0' } = env;
  return {
    rooms: [talkPolicy, inboxPolicy],
    backplane: engineOf(env),
    production,
    auth: {
      secret: env.HOLDFAST_SECRET ?? demoSecret,
      jwksUrl: env.HOLDFAST_JWKS_URL,
      issuer: env.HOLDFAST_ISSUER,
      audience: env.HOLDFAST_AUDIENCE,
    },
    admission: {
      origins: origins === 'same-origin' ? origins : origins.split(',').map((origin) => origin.trim()),
      trustedProxies: parseProxies(proxies),
    },
    // A person who tries the demo wants to see round-trip times before 25 seconds are over.
    heartbeat: { intervalMs: Number(env.HOLDFAST_HEARTBEAT_MS ?? (demoSecret === undefined ? 25_000 : 3_000)) },
  };
}

/** Without Redis the rooms are those of this process. */
function engineOf({ HOLDFAST_REDIS_URL: url, HOLDFAST_REDIS_PREFIX: prefix = 'holdfast' }: Environment) {
  // The engine opens connections of its own.
  return url === undefined ? undefined : redisBackplane({ client: new Redis(url, { lazyConnect: true }), prefix });
}

function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  // Compose files and shells say `NAME=` for a variable that is not set.
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const env = plainToInstance(Environment, given);
  const problems = validateSync(env, { whitelist: true, stopAtFirstError: true }).flatMap(
    ({ property, constraints, value }) =>
      Object.values(constraints ?? {}).map(
        (rule) => `${rule}${property.endsWith('_SECRET') ? '' : `, but is "${String(value)}"`}`,
      ),
  );
  problems.push(...contradictions(env));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return env;
}

function contradictions(env: Environment): string[] {
  const { NODE_ENV, HOLDFAST_SECRET, HOLDFAST_JWKS_URL, HOLDFAST_DEMO_SECRET, HOLDFAST_ORIGINS } = env;
  const found: string[] = [];
  if (HOLDFAST_SECRET !== undefined && HOLDFAST_JWKS_URL !== undefined) {
    found.push('HOLDFAST_SECRET and HOLDFAST_JWKS_URL exclude each other: tokens are verified by one of them');
  }
  const isDemo = NODE_ENV !== 'production' && HOLDFAST_SECRET === undefined && HOLDFAST_JWKS_URL === undefined;
  if (HOLDFAST_DEMO_SECRET !== undefined && !isDemo) {
    found.push(
      'HOLDFAST_DEMO_SECRET is for the demo mode: not in production, and not with HOLDFAST_SECRET or HOLDFAST_JWKS_URL',
    );
  }
  if (NODE_ENV !== 'production') return found;
  if (HOLDFAST_SECRET === undefined && HOLDFAST_JWKS_URL === undefined) {
    found.push('HOLDFAST_SECRET must be set in production (at least 32 characters), or else HOLDFAST_JWKS_URL');
  }
  if (HOLDFAST_ORIGINS === undefined) {
    found.push(
      'HOLDFAST_ORIGINS must be set in production: the origins whose pages may connect, such as https://example.com, or same-origin',
    );
  }
  return found;
}
