import { IsIn, IsNotEmpty, IsOptional, IsPort, IsUrl, Matches, MinLength } from 'class-validator';
import { AreProxies } from './are-proxies.js';

const environments = ['development', 'test', 'production'] as const;
export const logLevels = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
const logFormats = ['text', 'json'] as const;

const originsPattern = /^same-origin$|^https?:\/\/[^\s,/?#]+(\s*,\s*https?:\/\/[^\s,/?#]+)*$/;

/** The variables this service reads, as README.md lists them, still as text: what each may be, and how it says so. */
export class Environment {
  // A closed set: a typing error in "production" must not start a service with a demo secret.
  @IsOptional()
  @IsIn(environments, { message: `$property must be one of ${environments.join(', ')}` })
  NODE_ENV?: (typeof environments)[number];

  @IsOptional()
  @IsPort({ message: '$property must be a whole number from 0 (any free port) to 65535' })
  PORT?: string;

  @IsOptional()
  @Matches(/^[\w.:-]+$/, { message: '$property must be an address or host name of this machine, such as 0.0.0.0' })
  HOST?: string;

  @IsOptional()
  @MinLength(32, { message: '$property must have at least 32 characters: a shorter one can be guessed from one token' })
  HOLDFAST_SECRET?: string;

  @IsOptional()
  @MinLength(32, { message: '$property must have at least 32 characters: a shorter one can be guessed from one token' })
  HOLDFAST_DEMO_SECRET?: string;

  @IsOptional()
  @Matches(/^[\w.-]{1,32}$/, { message: '$property must be 1 to 32 letters, digits, ".", "_" or "-"' })
  HOLDFAST_NODE_NAME?: string;

  @IsOptional()
  @IsUrl(
    { protocols: ['https', 'http'], require_protocol: true, require_tld: false },
    { message: '$property must be an https URL, such as https://id.example.com/jwks.json (http only on localhost)' },
  )
  HOLDFAST_JWKS_URL?: string;

  @IsOptional()
  @IsNotEmpty({ message: '$property must be the accepted "iss" of tokens' })
  HOLDFAST_ISSUER?: string;

  @IsOptional()
  @IsNotEmpty({ message: '$property must be the accepted "aud" of tokens' })
  HOLDFAST_AUDIENCE?: string;

  @IsOptional()
  @Matches(originsPattern, {
    message:
      '$property must be same-origin, or origins separated by commas, such as https://example.com,https://*.example.com',
  })
  HOLDFAST_ORIGINS?: string;

  @IsOptional()
  @AreProxies({
    message:
      '$property must be how many proxies stand in front (0 to 32), or addresses, CIDR blocks, loopback, linklocal or private, separated by commas',
  })
  HOLDFAST_TRUSTED_PROXIES?: string;

  @IsOptional()
  @Matches(/^(0|[1-9]\d{3,5})$/, { message: '$property must be 0 (off), or milliseconds from 1000 to 999999' })
  HOLDFAST_HEARTBEAT_MS?: string;

  @IsOptional()
  @IsUrl(
    { protocols: ['redis', 'rediss'], require_protocol: true, require_tld: false },
    { message: '$property must be the URL of a Redis server, such as redis://localhost:6379' },
  )
  HOLDFAST_REDIS_URL?: string;

  @IsOptional()
  @Matches(/^[\w.:-]{1,64}$/, { message: '$property must be 1 to 64 letters, digits, ".", "_", "-" or ":"' })
  HOLDFAST_REDIS_PREFIX?: string;

  @IsOptional()
  @IsIn(logLevels, { message: `$property must be one of ${logLevels.join(', ')}` })
  LOG_LEVEL?: (typeof logLevels)[number];

  @IsOptional()
  @IsIn(logFormats, { message: `$property must be one of ${logFormats.join(', ')}` })
  LOG_FORMAT?: (typeof logFormats)[number];

  @IsOptional()
  @IsUrl(
    { protocols: ['https', 'http'], require_protocol: true, require_tld: false },
    { message: '$property must be the URL of an OTLP/HTTP collector, such as http://localhost:4318' },
  )
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @IsOptional()
  @IsNotEmpty({ message: '$property must be the name under which telemetry of this service is found' })
  OTEL_SERVICE_NAME?: string;
}
