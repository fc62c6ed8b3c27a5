import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AdmissionOptions, Handshake } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { refused, start } from './support/admission.js';

@WebSocketGateway({ path: '/me' })
class MeGateway {
  @SubscribeMessage('me')
  me(@Handshake() { ip, secure, origin }: Handshake): unknown {
    return { ip, secure, origin };
  }
}

function startWith(admission: AdmissionOptions): Promise<HoldfastTestApp> {
  return start({ gateways: [MeGateway], options: { admission } });
}

async function seenAs(app: HoldfastTestApp, headers: Record<string, string>): Promise<unknown> {
  await using client = await TestClient.connect(app.url('/me'), { headers });
  return (await client.request('me')).data;
}

const forged = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https', Forwarded: 'for=203.0.113.9' };

describe('the address of a client', () => {
  it('is that of its socket, whatever it says about itself, when no proxy is trusted', async () => {
    await using app = await startWith({});
    expect(await seenAs(app, forged)).toEqual({ ip: '127.0.0.1', secure: false });
  });

  it('is that of its socket when that is none of the trusted proxies', async () => {
    await using app = await startWith({ trustedProxies: ['10.0.0.0/8'] });
    expect(await seenAs(app, forged)).toEqual({ ip: '127.0.0.1', secure: false });
  });

  it('is what a trusted proxy has appended, not what the client wrote before', async () => {
    await using app = await startWith({ trustedProxies: ['loopback'] });
    const headers = { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9', 'X-Forwarded-Proto': 'https' };
    expect(await seenAs(app, headers)).toEqual({ ip: '203.0.113.9', secure: true });
  });

  it('is found behind several trusted proxies', async () => {
    await using app = await startWith({ trustedProxies: ['loopback', '10.0.0.0/8'] });
    const headers = { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9, 10.1.1.1, 10.2.2.2' };
    expect(await seenAs(app, headers)).toMatchObject({ ip: '203.0.113.9' });
  });

  it('is found behind a number of proxies', async () => {
    await using app = await startWith({ trustedProxies: 2 });
    expect(await seenAs(app, { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9, 10.1.1.1' })).toMatchObject({
      ip: '203.0.113.9',
    });
  });

  it('is read from Forwarded as well, IPv6 and port included', async () => {
    await using app = await startWith({ trustedProxies: ['loopback'] });
    const headers = { Forwarded: 'for=1.2.3.4, for="[2001:DB8::0:1]:4711";proto=https' };
    expect(await seenAs(app, headers)).toEqual({ ip: '2001:db8::1', secure: true });
  });

  it('is nobody’s when the two headers contradict each other', async () => {
    await using app = await startWith({ trustedProxies: ['loopback'] });
    const headers = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=198.51.100.7' };
    expect(await seenAs(app, headers)).toMatchObject({ ip: 'unknown' });
  });

  it('cannot be changed to get around the limit of an address', async () => {
    await using app = await startWith({ maxConnectionsPerIp: 1 });
    await using client = await TestClient.connect(app.url('/me'), { headers: { 'X-Forwarded-For': '203.0.113.1' } });
    const headers = { 'X-Forwarded-For': '203.0.113.2', Forwarded: 'for=203.0.113.2', 'X-Real-IP': '203.0.113.2' };
    expect(await refused(app.url('/me'), { headers })).toMatchObject({
      status: 429,
      code: 'TOO_MANY_CONNECTIONS_PER_IP',
    });
    expect(await client.request('me')).toMatchObject({ data: { ip: '127.0.0.1' } });
  });

  it('counts for the limit behind a trusted proxy: IPv6 by its /64', async () => {
    await using app = await startWith({ maxConnectionsPerIp: 1, trustedProxies: ['loopback'] });
    const from = (ip: string): { headers: Record<string, string> } => ({ headers: { 'X-Forwarded-For': ip } });
    await using one = await TestClient.connect(app.url('/me'), from('2001:db8:0:1::1'));
    expect(await refused(app.url('/me'), from('2001:db8:0:1:ffff::2'))).toMatchObject({ status: 429 });
    await using other = await TestClient.connect(app.url('/me'), from('2001:db8:0:2::1'));
    expect(await other.request('me')).toMatchObject({ data: { ip: '2001:db8:0:2::1' } });
    expect(await one.request('me')).toMatchObject({ data: { ip: '2001:db8:0:1::1' } });
  });

  it('decides with host and scheme of the trusted proxy what the same origin is', async () => {
    await using app = await startWith({ trustedProxies: ['loopback'] });
    const proxied = {
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'chat.example',
    };
    expect(await seenAs(app, { ...proxied, Origin: 'https://chat.example' })).toMatchObject({ secure: true });
    const headers = { ...proxied, Origin: 'http://chat.example' };
    expect(await refused(app.url('/me'), { headers })).toMatchObject({ status: 403 });
  });
});
