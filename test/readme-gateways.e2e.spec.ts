import { once } from 'node:events';
import { ModulesContainer } from '@nestjs/core';
import type { HoldfastTestApp } from '@holdfast/testing';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { expectNoCrash } from './support/dispatch.js';
import { programs, ReadmeApplication } from './support/readme.js';

expectNoCrash();

const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };

/** The gateways of one folder of the pages, in an application. */
function moduleOf(folder: string): string {
  const files = programs.flatMap(({ file }) => (file?.startsWith(`${folder}/`) ? [file.slice(folder.length + 1)] : []));
  const names = programs.flatMap(({ file, code }) =>
    file?.startsWith(`${folder}/`) ? [/export class (\w+)/.exec(code)?.[1] ?? ''] : [],
  );
  return [
    "import { Module } from '@nestjs/common';",
    "import { HoldfastModule } from '@holdfast/gateway';",
    ...names.map((name, index) => `import { ${name} } from './${(files[index] ?? '').replace(/\.ts$/, '.js')}';`),
    `@Module({ imports: [HoldfastModule.forRoot()], providers: [${names.join(', ')}] })`,
    'export class AppModule {}',
  ].join('\n');
}

describe.each(['rooms', 'moved'])('the gateways in the folder %s of the pages', (folder) => {
  it('compile strictly', () => {
    using application = ReadmeApplication.create();
    application.write(`${folder}/app.module.ts`, moduleOf(folder));
    expect(application.compile(folder, { lib: ['ES2023'], types: ['node'], ...decorators })).toBe('');
  }, 120_000);
});

describe('what the pages say of gateways', () => {
  let application: ReadmeApplication;
  let rooms: HoldfastTestApp;
  let moved: HoldfastTestApp;

  beforeAll(async () => {
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    application = ReadmeApplication.create();
    for (const folder of ['rooms', 'moved']) application.write(`${folder}/app.module.ts`, moduleOf(folder));
    rooms = await application.start(false, 'rooms');
    moved = await application.start(false, 'moved');
  });
  afterAll(async () => {
    await Promise.all([rooms.close(), moved.close()]);
    application[Symbol.dispose]();
    vi.restoreAllMocks();
  });

  it('docs/gateways.md: hooks, parameters, tags, answers and streams', async () => {
    await using ada = await TestClient.connectSdk(rooms.url('/rooms/tea'));
    await using other = await TestClient.connect(rooms.url('/rooms/coffee'));
    const ben = await TestClient.connect(rooms.url('/rooms/tea'));
    expect(await ada.request('say', 'hello')).toMatchObject({ event: '$reply', data: { told: 2 } });
    expect(await ben.next('said')).toEqual({ event: 'said', data: { text: 'hello' } });
    ada.send({ event: 'countdown', data: 3, id: 'down' });
    const values = [await ada.next('$next'), await ada.next('$next'), await ada.next('$next')];
    expect(values.map(({ data }) => data)).toEqual([3, 2, 1]);
    expect(await ada.next('$end')).toEqual({ event: '$end', id: 'down' });
    expect(await ada.request('lookup', 'x')).toMatchObject({ data: { id: 'x' } });
    await ben.close(1000);
    expect(await ada.next('left')).toEqual({ event: 'left', data: { why: 'NORMAL' } });
    expect(other.waiting).toEqual([]);
  });

  it('docs/gateways.md: validation by class-validator and by a Standard Schema', async () => {
    await using client = await TestClient.connectSdk(rooms.url('/articles'));
    expect(await client.request('comment', { text: 'good' })).toMatchObject({ data: 'good' });
    expect(await client.request('rate', { stars: 5 })).toMatchObject({ data: { stars: 5, tags: [] } });
    await expect(client.request('comment', { text: 7 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(client.request('rate', { stars: 6 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('docs/gateways.md: all nodes', async () => {
    const modules = [...rooms.app.get(ModulesContainer, { strict: false }).values()];
    const found = modules.flatMap(({ providers }) => [...providers.values()]).find(({ name }) => name === 'BanService');
    // Safe: the page says so.
    const service = found?.instance as { ban(subject: string): Promise<boolean> };
    expect(await service.ban('nobody')).toBe(true);
  });

  it('docs/gateways.md: a connection hook that throws', async () => {
    await using client = await TestClient.connect(rooms.url('/rooms/closed'));
    expect(await client.next('$error')).toMatchObject({ data: { code: 'FORBIDDEN', message: 'This room is closed' } });
  });

  it('docs/migration.md: a gateway written for WsAdapter', async () => {
    const [ada, ben] = await Promise.all(['/chat', '/chat'].map((path) => connect(moved.url(path))));
    expect([await ada?.next(), await ben?.next()]).toEqual(Array(2).fill('{"type":"hello","protocol":""}'));
    ada?.ws.send('{"event":"say","data":"hi"}');
    expect(await ben?.next()).toBe('{"type":"said","text":"hi"}');
    for (const client of [ada, ben]) client?.ws.terminate();
  });

  it('docs/migration.md: frames without events, and a subprotocol', async () => {
    const station = await connect(moved.url('/ocpp/s1'), ['ocpp2.0.1']);
    station.ws.send('[2,"7","Heartbeat",{}]');
    expect(JSON.parse(await station.next())).toEqual([3, '7', { station: 's1', protocol: 'ocpp2.0.1' }]);
    station.ws.terminate();
  });

  it('docs/migration.md: a format of its own', async () => {
    const client = await connect(moved.url('/lines'));
    client.ws.send('upper some words');
    expect(await client.next()).toBe('SOME WORDS');
    client.ws.terminate();
  });
});

interface Lines {
  readonly ws: WebSocket;
  next(): Promise<string>;
}

async function connect(url: string, protocols: string[] = []): Promise<Lines> {
  const ws = new WebSocket(url, protocols);
  const waiting: string[] = [];
  const arrival = new EventTarget();
  ws.on('message', (data: Buffer) => {
    waiting.push(data.toString());
    arrival.dispatchEvent(new Event('message'));
  });
  await once(ws, 'open');
  const next = async (): Promise<string> => {
    while (waiting.length === 0) await once(arrival, 'message');
    return waiting.shift() ?? '';
  };
  return { ws, next };
}
