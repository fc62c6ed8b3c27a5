import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it, vi } from 'vitest';
import { postJson, serviceSecret, tokenOf } from './support/service.js';
import { ServiceProcess } from './support/service-process.js';

// Each test starts a process or two, which takes seconds where nothing else runs, and many where something does.
vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, '..');

describe('the built service', () => {
  it('runs without any configuration, says that this is a demo, and where', async () => {
    await using service = new ServiceProcess({});
    const url = await service.url();
    expect(service.log).toMatch(/DEVELOPMENT MODE with a demo secret.*Open http:\/\/127\.0\.0\.1:\d+/);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await (await fetch(url)).text()).toContain('<title>Holdfast</title>');
    const { token } = (await (await postJson(`${url}/demo/token`, { name: 'Ada' })).json()) as { token: string };
    await using client = await TestClient.connect(`${url.replace('http', 'ws')}/live`, { token });
    expect((await client.request('join', { room: 'lobby' })).data).toMatchObject({ room: 'lobby' });
  });

  it.each(['127.0.0.1', 'localhost'])('lets its own page in as http://%s', async (host) => {
    await using service = new ServiceProcess({});
    const { port } = new URL(await service.url());
    const { token } = (await (await postJson(`http://${host}:${port}/demo/token`, { name: 'Ada' })).json()) as {
      token: string;
    };
    await using client = await TestClient.connect(`ws://${host}:${port}/live`, {
      token,
      origin: `http://${host}:${port}`,
    });
    expect((await client.request('join', { room: 'lobby' })).event).toBe('$reply');
  });

  it('refuses to start in production without a secret and origins, and names both variables', async () => {
    await using service = new ServiceProcess({ NODE_ENV: 'production' });
    expect(await service.ended).toBe(1);
    const { log } = service;
    expect(log).toContain('HOLDFAST_SECRET must be set in production');
    expect(log).toContain('HOLDFAST_ORIGINS must be set in production');
    expect(log).not.toContain('    at ');
  });

  it('refuses to start without the client of its page, and says how to make it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-unbundled-'));
    try {
      // The same build and packages, but for a client that nobody has built.
      cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
      cpSync(join(root, 'package.json'), join(folder, 'package.json'));
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      const unbuilt = join(folder, 'dist/node_modules/@holdfast/client');
      cpSync(join(root, 'libs/client/package.json'), join(unbuilt, 'package.json'));
      await using service = new ServiceProcess({}, folder);
      expect(await service.ended).toBe(1);
      expect(service.log).toContain('The client that the page loads has not been built: run `npm run build`');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('drains when `npm start` gets SIGTERM, and frees its port', async () => {
    await using service = new ServiceProcess({}, root, ['npm', 'start']);
    const url = await service.url();
    const { token } = (await (await postJson(`${url}/demo/token`, { name: 'Ada' })).json()) as { token: string };
    const client = await TestClient.connect(`${url.replace('http', 'ws')}/live`, { token });
    service.kill('SIGTERM');
    expect(await client.closed).toMatchObject({ code: 1012 });
    await service.ended;
    await expect(fetch(url)).rejects.toThrow();
  });

  it('refuses a port that is taken, with an exit code', async () => {
    await using first = new ServiceProcess({});
    const { port } = new URL(await first.url());
    await using second = new ServiceProcess({ PORT: port });
    expect(await second.ended).toBe(1);
    expect(second.log).toContain('EADDRINUSE');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'drains on %s: clients see 1012, and the process ends with 0',
    async (signal) => {
      await using service = new ServiceProcess({
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        HOLDFAST_SECRET: serviceSecret,
        HOLDFAST_ORIGINS: 'https://example.com',
      });
      const url = await service.url();
      expect(JSON.parse(service.log.trim().split('\n').at(-1) ?? '')).toMatchObject({
        level: 'log',
        context: 'Service',
      });
      const sockets = url.replace('http', 'ws');
      const token = await tokenOf('ada');
      expect((await postJson(`${url}/demo/token`, { name: 'Ada' })).status).toBe(404);
      await using chat = await TestClient.connect(`${sockets}/live`, { token, origin: 'https://example.com' });
      await using watcher = await TestClient.connectSdk(`${sockets}/live`, { token, hello: { session: null } });
      await watcher.request('$join', { room: 'dashboard' });
      await watcher.next('view');
      service.kill(signal);
      expect(await chat.closed).toMatchObject({ code: 1012 });
      expect(await watcher.closed).toMatchObject({ code: 1012 });
      expect(await service.ended).toBe(0);
    },
  );
});
