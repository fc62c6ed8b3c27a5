import { HoldfastTestApp, TestClient } from '@holdfast/testing';
import { SignJWT } from 'jose';
import { readConfig } from '../../src/config/service-config.js';
import { livePath } from '../../src/live-path.js';
import { createService } from '../../src/service.js';

export const serviceSecret = 'the secret of the service under test';

/** The service from its sources on a free port, as if started with these variables. Logs errors only. */
export function startService(variables: Readonly<Record<string, string>> = {}): Promise<HoldfastTestApp> {
  return HoldfastTestApp.start(() => createService(readConfig({ LOG_LEVEL: 'error', ...variables })));
}

/** The same with a key of its own, so that tests can sign tokens. */
export function startSecuredService(variables: Readonly<Record<string, string>> = {}): Promise<HoldfastTestApp> {
  return startService({ HOLDFAST_SECRET: serviceSecret, ...variables });
}

/** @param expires - as jose reads it, such as `1 hour ago` */
export function tokenOf(subject: string, secret = serviceSecret, expires = '1h'): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

export async function connectAs(app: HoldfastTestApp, subject: string): Promise<TestClient> {
  return TestClient.connect(app.url(livePath), { token: await tokenOf(subject) });
}

export function postJson(url: string, body: unknown, token?: string): Promise<Response> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}
