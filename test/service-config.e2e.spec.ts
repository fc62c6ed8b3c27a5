import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfig } from '../src/config/service-config.js';

const secret = 'a secret that is long enough to be one';
const production = { NODE_ENV: 'production', HOLDFAST_SECRET: secret, HOLDFAST_ORIGINS: 'https://example.com' };

describe('the configuration', () => {
  it('is a demo on this machine alone when nothing is set', () => {
    const config = readConfig({});
    expect(config).toMatchObject({ port: 3000, host: '127.0.0.1', log: { json: false } });
    expect(config.log.levels).toEqual(['fatal', 'error', 'warn', 'log']);
    expect(config.demoSecret).toHaveLength(43);
    expect(config.holdfast.auth?.secret).toBe(config.demoSecret);
    expect(readConfig({}).demoSecret).not.toBe(config.demoSecret);
  });

  it('reads every variable', () => {
    const config = readConfig({
      ...production,
      PORT: '8080',
      HOST: '::',
      HOLDFAST_NODE_NAME: 'node-1',
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_AUDIENCE: 'sockets',
      HOLDFAST_ORIGINS: 'https://example.com, https://*.example.com',
      HOLDFAST_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8',
      HOLDFAST_HEARTBEAT_MS: '15000',
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'text',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
      OTEL_SERVICE_NAME: 'chat',
    });
    expect(config).toEqual({
      port: 8080,
      telemetry: { serviceName: 'chat', otlpEndpoint: 'http://collector:4318' },
      host: '::',
      log: { levels: ['fatal', 'error', 'warn'], json: false },
      demoSecret: undefined,
      nodeName: 'node-1',
      holdfast: {
        rooms: [
          { pattern: 'chat/:room', history: { size: 500, ttlMs: 3_600_000 } },
          { pattern: 'inbox/:digest', history: { size: 50, ttlMs: 3_600_000 } },
        ],
        production: true,
        auth: { secret, jwksUrl: undefined, issuer: 'https://id.example.com', audience: 'sockets' },
        admission: {
          origins: ['https://example.com', 'https://*.example.com'],
          trustedProxies: ['loopback', '10.0.0.0/8'],
        },
        heartbeat: { intervalMs: 15_000 },
      },
    });
    expect(readConfig({ ...production, HOLDFAST_TRUSTED_PROXIES: '2' }).holdfast.admission?.trustedProxies).toBe(2);
  });

  it('is a demo of several processes that accept the tokens of each other, and have names', () => {
    const config = readConfig({ HOLDFAST_DEMO_SECRET: secret });
    expect(config.demoSecret).toBe(secret);
    expect(config.nodeName).toMatch(/^[\da-f]{4}$/);
  });

  it('logs JSON and listens everywhere in production', () => {
    expect(readConfig(production)).toMatchObject({ host: '0.0.0.0', log: { json: true }, demoSecret: undefined });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', HOLDFAST_SECRET: '' })).toMatchObject({ port: 3000 });
  });

  it.each([
    [{ NODE_ENV: 'prod' }, 'NODE_ENV must be one of development, test, production, but is "prod"'],
    [{ PORT: 'http' }, 'PORT must be a whole number from 0 (any free port) to 65535, but is "http"'],
    [{ PORT: '65536' }, 'PORT must be a whole number from 0'],
    [{ HOST: 'two words' }, 'HOST must be an address or host name'],
    [{ HOLDFAST_REDIS_URL: 'localhost:6379' }, 'HOLDFAST_REDIS_URL must be the URL of a Redis server'],
    [{ HOLDFAST_REDIS_PREFIX: 'a{b}' }, 'HOLDFAST_REDIS_PREFIX must be 1 to 64 letters'],
    [{ HOLDFAST_JWKS_URL: 'id.example.com' }, 'HOLDFAST_JWKS_URL must be an https URL'],
    [{ HOLDFAST_ORIGINS: 'example.com' }, 'HOLDFAST_ORIGINS must be same-origin, or origins separated by commas'],
    [{ HOLDFAST_ORIGINS: '*' }, 'HOLDFAST_ORIGINS must be same-origin'],
    [{ HOLDFAST_TRUSTED_PROXIES: '0.0.0.0/0' }, 'HOLDFAST_TRUSTED_PROXIES must be how many proxies'],
    [{ HOLDFAST_TRUSTED_PROXIES: '33' }, 'HOLDFAST_TRUSTED_PROXIES must be how many proxies'],
    [{ HOLDFAST_HEARTBEAT_MS: '25' }, 'HOLDFAST_HEARTBEAT_MS must be 0 (off), or milliseconds from 1000 to 999999'],
    [{ LOG_LEVEL: 'info' }, 'LOG_LEVEL must be one of fatal, error, warn, log, debug, verbose, but is "info"'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT must be one of text, json'],
    [{ HOLDFAST_SECRET: secret, HOLDFAST_JWKS_URL: 'https://id.example.com/k' }, 'exclude each other'],
    [{ HOLDFAST_DEMO_SECRET: 'short' }, 'HOLDFAST_DEMO_SECRET must have at least 32 characters'],
    [{ HOLDFAST_DEMO_SECRET: secret, HOLDFAST_SECRET: secret }, 'HOLDFAST_DEMO_SECRET is for the demo mode'],
    [{ ...production, HOLDFAST_DEMO_SECRET: secret }, 'HOLDFAST_DEMO_SECRET is for the demo mode'],
    [{ HOLDFAST_NODE_NAME: 'node 1' }, 'HOLDFAST_NODE_NAME must be 1 to 32 letters'],
  ])('refuses %j', (variables, message) => {
    expect(() => readConfig(variables)).toThrow(ConfigurationError);
    expect(() => readConfig(variables)).toThrow(message);
  });

  it('never repeats a secret', () => {
    expect(() => readConfig({ HOLDFAST_SECRET: 'hunter2' })).toThrow(
      /^((?!hunter2)[^])*HOLDFAST_SECRET must have at least 32 characters((?!hunter2)[^])*$/,
    );
  });

  it('names everything that is wrong at once', () => {
    expect(() => readConfig({ NODE_ENV: 'production', PORT: 'x' })).toThrow(
      /PORT[^]*HOLDFAST_SECRET must be set in production[^]*HOLDFAST_ORIGINS must be set in production/,
    );
  });
});
