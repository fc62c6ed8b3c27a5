import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Controller, Get, Header } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { Room, Rooms } from '@holdfast/gateway';
import { expect, it, vi } from 'vitest';
import { boot, onlyConnection } from './support/boot.js';
import { launchChromium } from './support/chromium.js';
import { chromiumMissing, requires } from './support/requirement.js';

// A browser that shares two cores with other tests takes its time.
vi.setConfig({ testTimeout: 120_000 });

declare global {
  /** In the page: what its room has delivered, and whether it was missed before. */
  var delivered: [data: unknown, recovered: boolean][];
  var missed: number;
}

/** As users without a bundler do it. */
const html = `<!doctype html>
<title>joining</title>
<link rel="icon" href="data:,">
<script type="module">
  import { createClient, rooms } from '/client.js';
  globalThis.delivered = [];
  globalThis.missed = 0;
  const client = createClient('/live', { rooms: rooms(), backoff: { firstMs: 100 } });
  const room = client.room('orders/1');
  room.on('said', (data, { recovered }) => delivered.push([data, recovered]));
  room.on('$recovered', ({ count }) => (missed += count));
  room.on('$state', (state) => (document.title = state));
  client.connect();
  await room.join();
</script>
`;

@Controller()
class PageController {
  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return html;
  }

  @Get('reloading')
  @Header('Content-Type', 'text/html')
  reloading(): string {
    return reloading;
  }

  @Get('client.js')
  @Header('Content-Type', 'text/javascript')
  client(): string {
    return readFileSync(createRequire(import.meta.url).resolve('@holdfast/client/bundle-rooms'), 'utf8');
  }
}

@WebSocketGateway({ path: '/live' })
class LiveGateway {
  @Room('orders/:id')
  mayFollow(): void {
    // Everybody may.
  }
}

/** Stores its session while it reloads. */
const reloading = html
  .replace('rooms: rooms()', 'rooms: rooms({ storage: sessionStorage })')
  .replace('await room.join();', 'if (!location.search) await room.join();');

requires('Chromium', chromiumMissing)('rooms in a browser, from the one file with rooms', () => {
  it('deliver what was missed while the connection was gone', async () => {
    const options = { rooms: [{ pattern: 'orders/:id', history: { size: 100 } }] };
    await using app = await boot({ options, providers: [LiveGateway], controllers: [PageController] });
    const own = app.app.get<Rooms>(Rooms);
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('pageerror', ({ message }) => complaints.push(message));
      await page.goto(app.httpUrl());
      await page.waitForFunction('document.title === "joined"');
      await own.to('orders/1').emit('said', 1);
      await page.waitForFunction('delivered.length === 1');
      onlyConnection(app).terminate();
      for (const n of [2, 3]) await own.to('orders/1').emit('said', n);
      await page.waitForFunction('delivered.length === 3 && document.title === "joined"');
      await own.to('orders/1').emit('said', 4);
      await page.waitForFunction('delivered.length === 4');
      expect(await page.evaluate(() => [delivered, missed])).toEqual([
        [
          [1, false],
          [2, true],
          [3, true],
          [4, false],
        ],
        2,
      ]);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('of the client and of the server get what was missed while the page reloaded', async () => {
    const options = { rooms: [{ pattern: 'orders/:id', history: { size: 100 } }] };
    await using app = await boot({ options, providers: [LiveGateway], controllers: [PageController] });
    const own = app.app.get<Rooms>(Rooms);
    const browser = await launchChromium();
    try {
      for (const query of ['', '?server']) {
        const page = await browser.newPage();
        await page.goto(app.httpUrl(`/reloading${query}`));
        // The page is loaded before its script has connected.
        await vi.waitFor(() => onlyConnection(app), 10_000);
        if (query) await onlyConnection(app).join('orders/1');
        await page.waitForFunction('document.title === "joined"');
        await own.to('orders/1').emit('said', 1);
        await page.waitForFunction('delivered.length === 1');
        await page.goto('about:blank');
        await expect.poll(() => own.count('orders/1')).toBe(0);
        for (const n of [2, 3]) await own.to('orders/1').emit('said', n);
        await page.goto(app.httpUrl(`/reloading${query}`));
        await page.waitForFunction('delivered.length === 2 && document.title === "joined"');
        expect(await page.evaluate(() => [delivered, missed])).toEqual([
          [
            [2, true],
            [3, true],
          ],
          2,
        ]);
        await page.close();
        await expect.poll(() => own.count('orders/1')).toBe(0);
      }
    } finally {
      await browser.close();
    }
  });
});
