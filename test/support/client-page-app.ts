import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Controller, Get, Header, Injectable, Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastModule, type HoldfastOptions } from '@holdfast/gateway';
import { HoldfastTestApp } from '@holdfast/testing';

/** Gives out the tokens for which the page asks. */
@Injectable()
export class TokenDesk {
  /** How many it gave. */
  given = 0;
  /** The next one; empty: none. */
  issue: (count: number) => string | Promise<string> = () => '';

  next(): string | Promise<string> {
    return this.issue(++this.given);
  }
}

/** As users without a bundler do it: a module script, and the one file that the package brings for it. */
const html = `<!doctype html>
<title>A page with a client</title>
<link rel="icon" href="data:,">
<script type="module">
  import { createClient } from '/holdfast-client.min.js';
  globalThis.createClient = createClient;
</script>
`;

const worker = `import { createClient } from '/holdfast-client.min.js';
const client = createClient('/live');
client.on('$state', ({ to, cause }) => postMessage({ event: '$state', data: { to, cause } }));
client.on('news', (data) => postMessage({ event: 'news', data }));
addEventListener('message', async ({ data: [event, data] }) => {
  if (event === 'close') client.close();
  else postMessage({ event: 'answer', data: await client.request(event, data) });
});
client.connect();
`;

@Controller()
class PageController {
  constructor(private readonly desk: TokenDesk) {}

  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return html;
  }

  @Get('holdfast-client.min.js')
  @Header('Content-Type', 'text/javascript')
  bundle(): string {
    return readFileSync(createRequire(import.meta.url).resolve('@holdfast/client/bundle'), 'utf8');
  }

  @Get('worker.js')
  @Header('Content-Type', 'text/javascript')
  worker(): string {
    return worker;
  }

  @Get('token')
  token(): string | Promise<string> {
    return this.desk.next();
  }
}

abstract class NotesGateway {
  readonly #notes: unknown[] = [];

  @SubscribeMessage('note')
  note(@MessageBody() note: unknown): number {
    return this.#notes.push(note);
  }

  /** All notes, in the order in which they came. */
  @SubscribeMessage('notes')
  notes(): readonly unknown[] {
    return this.#notes;
  }

  @SubscribeMessage('who am I')
  who(@ConnectedSocket() { principal }: Connection): string | undefined {
    return principal?.subject;
  }

  @SubscribeMessage('never')
  never(): Promise<never> {
    return new Promise(() => undefined);
  }
}

/** For everybody. */
@WebSocketGateway({ path: '/live' })
class LiveGateway extends NotesGateway {}

/** For those with a token. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/secured' })
class SecuredGateway extends NotesGateway {}

/** The application: a page, a gateway for everybody, and with `auth` one for those with a token. */
export function clientPageModule(options: HoldfastOptions): Type {
  @Module({
    imports: [HoldfastModule.forRoot(options)],
    controllers: [PageController],
    providers: [TokenDesk, LiveGateway, ...(options.auth ? [SecuredGateway] : [])],
  })
  class ClientPageModule {}
  return ClientPageModule;
}

/** The application in this process, on a free port. */
export function startPageApp(options: HoldfastOptions = {}): Promise<HoldfastTestApp> {
  return HoldfastTestApp.start(() => NestFactory.create(clientPageModule(options), { logger: ['error', 'warn'] }));
}
