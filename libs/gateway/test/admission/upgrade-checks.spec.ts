import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { ManualClock } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { createAddressResolver } from '../../src/admission/client-address.js';
import { ConnectionLimits } from '../../src/admission/connection-limits.js';
import { createOriginPolicy } from '../../src/admission/origin-policy.js';
import { isRefusal } from '../../src/admission/refusal.js';
import { UpgradeChecks } from '../../src/admission/upgrade-checks.js';
import { MemoryLimiter } from '@holdfast/backplane';

const good = {
  host: 'example.org',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  origin: 'http://example.org',
};

function checks() {
  const limits = new ConnectionLimits({ maxConnections: 2, maxConnectionsPerIp: 1, maxConnectionsPerPrincipal: 1 });
  const upgradeChecks = new UpgradeChecks({
    limits,
    limiter: new MemoryLimiter({ clock: new ManualClock() }),
    originPolicy: createOriginPolicy({ allowed: 'same-origin', allowMissing: true }),
    originsAllowed: 'same-origin',
    resolveAddress: createAddressResolver([]),
    handshakeRate: { limit: 2, windowMs: 1_000 },
  });
  const ask = (headers: Record<string, string>, remoteAddress = '192.0.2.1'): string => {
    // All that the checks look at.
    const request = { method: 'GET', httpVersion: '1.1', rawHeaders: [], headers, socket: { remoteAddress } };
    const answer = upgradeChecks.pass(request as unknown as IncomingMessage, { subprotocols: [], servesSdk: true });
    if (isRefusal(answer)) return answer.code;
    kept.push(answer.lease);
    return 'passed';
  };
  const kept: { release(): void }[] = [];
  return { limits, ask, kept };
}

/** The codes of PROTOCOL.md 2.1 in their order, as far as they are about the request alone: steps 3 to 9. */
const table = readFileSync(join(import.meta.dirname, '../../../protocol/PROTOCOL.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| [3-9] /.test(line))
  .map((line) => /`([A-Z_]+)`/.exec(line.split('|')[3] ?? '')?.[1]);

describe('UpgradeChecks', () => {
  it('answers the first check that fails, in the order of PROTOCOL.md 2.1', () => {
    const { ask, kept } = checks();
    // Everything is wrong with the first one; each of the others is right in one more respect.
    ask(good, '192.0.2.9');
    ask(good, '192.0.2.8');
    const wrong = {
      upgrade: 'h2c',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'other',
      origin: 'http://evil.example',
    };
    const answers = [ask(wrong)];
    const upgraded = { ...wrong, upgrade: 'websocket' };
    answers.push(ask(upgraded));
    const formed = { ...good, origin: wrong.origin, 'sec-websocket-protocol': 'other' };
    answers.push(ask(formed));
    const agreed = { ...good, origin: wrong.origin };
    answers.push(ask(agreed), ask(good));
    kept[0]?.release();
    answers.push(ask(good, '192.0.2.8'));
    kept[1]?.release();
    for (let time = 0; time < 2; time++) {
      ask(good, '192.0.2.8');
      kept.pop()?.release();
    }
    answers.push(ask(good, '192.0.2.8'));
    expect(answers).toEqual(table);
  });

  it('keeps no place for a request that a later check refuses', () => {
    const { limits, ask, kept } = checks();
    for (let time = 0; time < 2; time++) {
      expect(ask(good)).toBe('passed');
      kept.pop()?.release();
    }
    expect(ask(good)).toBe('HANDSHAKE_RATE_LIMITED');
    expect(limits.counts).toEqual({ connections: 0, ips: 0, principals: 0 });
  });
});
