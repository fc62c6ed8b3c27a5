import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { HttpException, Injectable } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { type ErrorCode, errorCodes } from '@holdfast/protocol';
import { Authenticator, HoldfastException, type Principal } from '@holdfast/gateway';
import { rawUpgrade, seededRandom, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { serve, type Served } from './support/dispatch.js';
import { MeasuredGateway } from './support/measured.js';
import { Measures } from './support/measures.js';
import { failureOf, requires } from './support/requirement.js';

const random = seededRandom(1);

/** A word that nobody has said before. */
function word(): string {
  return random.next().toString(36).slice(2);
}

/** A code that the compiler would not let pass, as of an application in JavaScript. */
function invention(): HoldfastException {
  return new HoldfastException(word().toUpperCase() as ErrorCode, 'as I like');
}

/** Refuses every token with a code of its own. */
@Injectable()
class InventiveAuthenticator extends Authenticator {
  override authenticate(token: string): Promise<Principal> {
    if (token === 'good') return Promise.resolve({ subject: 'ada', claims: {}, expiresAt: Infinity });
    return Promise.reject(invention());
  }
}

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

/** Whatever a client, and an application, can make up. */
async function makeThingsUp(served: Served): Promise<void> {
  const gateway = served.get(MeasuredGateway);
  const url = served.url('/measured/red');
  gateway.fault = undefined;
  await using client = await TestClient.connect(`${url}?${word()}=${word()}`, { headers: { 'x-any': word() } });
  client.send({ event: word(), id: word() });
  client.send({ event: `$${word()}` });
  client.sendRaw(word());
  client.send({ event: 'echo', id: word(), data: word(), trace: word(), [word()]: word() });
  await quietly(client.request('fail', word().toUpperCase()));
  await quietly(TestClient.connect(served.url(`/${word()}`)));
  await quietly(TestClient.connect(url, { origin: `https://${word()}.example` }));
  await quietly(TestClient.connect(url, { protocols: [word()] }));
  await quietly(rawUpgrade(url, { method: word().toUpperCase(), version: word() }));

  await using sdk = await TestClient.connectSdk(url, { token: 'good' });
  await quietly(sdk.request('$refresh', { token: word() }));
  for (const fault of [
    invention(),
    new WsException({ code: word().toUpperCase(), message: 'as I like' }),
    new HttpException({ code: word().toUpperCase(), message: 'as I like' }, 418),
    Object.assign(new Error('as I like'), { name: word(), code: word() }),
  ]) {
    gateway.fault = () => fault;
    for (const connect of [TestClient.connect, TestClient.connectSdk]) await (await connect(url)).closed;
  }
  gateway.fault = undefined;
  const leaving = await TestClient.connect(url);
  await leaving.close(3000 + Math.floor(random.next() * 1_999), word());
}

async function attributesOf(measures: Measures): Promise<Set<string>> {
  const collected = await measures.collect();
  return new Set(
    [...collected].flatMap(([name, points]) => points.map((point) => `${name} ${JSON.stringify(point.attributes)}`)),
  );
}

function start(): Promise<Served> {
  return serve([MeasuredGateway], {
    options: { heartbeat: { intervalMs: 0 } },
    admission: { origins: ['https://example.com'] },
    extras: { authenticator: InventiveAuthenticator },
  });
}

describe('attributes', () => {
  it('come from the program alone, whatever a client or an exception makes up', async () => {
    await using measures = new Measures();
    await using served = await start();
    for (let round = 0; round < 3; round++) await makeThingsUp(served);
    const before = await attributesOf(measures);
    for (let round = 0; round < 10; round++) await makeThingsUp(served);
    await measures.until('holdfast.closes', { 'holdfast.close.name': 'APPLICATION' }, 13);
    const after = await attributesOf(measures);
    expect([...after].filter((one) => !before.has(one))).toEqual([]);
    expect(after.size).toBeLessThan(60);

    const known = new Set<string>(errorCodes.map(({ code }) => code));
    for (const [name, points] of await measures.collect()) {
      for (const { attributes } of points) {
        const type = attributes['error.type'];
        if (type !== undefined) expect([name, known.has(String(type))]).toEqual([name, true]);
      }
    }
    expect(await measures.number('holdfast.errors', { 'error.type': 'APPLICATION' })).toBeGreaterThan(50);
  });
});

/** Lets this process have only so many descriptors more, takes them all, and gives them back. */
async function withoutDescriptors(work: () => Promise<void>): Promise<void> {
  const [soft = '', hard = ''] = prlimit('--nofile', '--raw', '--noheadings', '--output', 'SOFT,HARD').split(/\s+/);
  prlimit(`--nofile=${readdirSync('/proc/self/fd').length + 20}:${hard}`);
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (error) {
    expect(error).toMatchObject({ code: 'EMFILE' });
    await work();
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
    prlimit(`--nofile=${soft}:${hard}`);
  }
}

function prlimit(...how: string[]): string {
  const { stdout, stderr, status } = spawnSync('prlimit', ['--pid', String(process.pid), ...how], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

requires('prlimit', () => failureOf('prlimit', ['--version']))('when there is not one descriptor left', () => {
  it('everything can still be collected', async () => {
    await using measures = new Measures();
    await using served = await start();
    await using client = await TestClient.connect(served.url('/measured/red'));
    await client.request('echo');
    await withoutDescriptors(async () => {
      // What breaks those who ask for it.
      expect(() => process.memoryUsage()).toThrow(/EMFILE|too many open files/);
      expect(await measures.number('holdfast.messages', { direction: 'in' })).toBe(1);
      await client.request('echo');
      expect(await measures.number('holdfast.messages', { direction: 'in' })).toBe(2);
      expect(await measures.number('holdfast.eventloop.lag', { quantile: '1' })).toBeGreaterThanOrEqual(0);
    });
  });
});
