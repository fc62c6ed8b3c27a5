import type { AddressInfo, Server } from 'node:net';
import type { INestApplication } from '@nestjs/common';

/**
 * A Nest application on a free port of 127.0.0.1.
 *
 * ```ts
 * await using app = await HoldfastTestApp.start(() => NestFactory.create(AppModule, { logger: false }));
 * await using client = await TestClient.connect(app.url('/chat'));
 * ```
 *
 * @publicApi
 */
export class HoldfastTestApp implements AsyncDisposable {
  #closing: Promise<void> | undefined;

  private constructor(
    /** The application itself, for `get()` and the rest. */
    readonly app: INestApplication,
    /** The port of 127.0.0.1 on which it listens. */
    readonly port: number,
  ) {}

  /**
   * Makes the application, configures nothing, and lets it listen. An application that cannot start is closed, and
   * its error is thrown.
   */
  static async start(create: () => Promise<INestApplication>): Promise<HoldfastTestApp> {
    const app = await create();
    try {
      await app.listen(0, '127.0.0.1');
    } catch (error) {
      await app.close();
      throw error;
    }
    // Both HTTP platforms of Nest give Node's own server, which is listening on TCP.
    const address = (app.getHttpServer() as Server).address() as AddressInfo;
    return new HoldfastTestApp(app, address.port);
  }

  /** The `ws:` URL of a path. Default `/`. */
  url(path = '/'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** The `http:` URL of a path. Default `/`. */
  httpUrl(path = '/'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Closes the application; a second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.app.close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
