import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Controller, Get, Header } from '@nestjs/common';

/** Serves the client with rooms that the page imports: one file of `@holdfast/client`, for pages without a bundler. */
@Controller('holdfast-client.js')
export class ClientBundleController {
  readonly #path = findBundle();

  /**
   * `no-cache`: a browser asks each time, is answered 304 by the ETag of the content, and never runs the client of an
   * older server.
   */
  @Get()
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  bundle(): Promise<string> {
    return readFile(this.#path, 'utf8');
  }
}

/** At the start, so that nobody finds out by a blank page. */
function findBundle(): string {
  try {
    return createRequire(import.meta.url).resolve('@holdfast/client/bundle-rooms');
  } catch (cause) {
    throw new Error('The client that the page loads has not been built: run `npm run build`', { cause });
  }
}
