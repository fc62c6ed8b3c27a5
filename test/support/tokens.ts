import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from 'jose';

export const SECRET = 'a secret of more than thirty-two characters';

/** A token signed with {@link SECRET}. */
export function tokenOf(sub: string, claims: JWTPayload = {}): Promise<string> {
  return new SignJWT({ sub, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
}

/** A token that ends `ms` after `now`, both in milliseconds. Whole seconds, as the claim is. */
export function tokenUntil(sub: string, now: number, ms: number): Promise<string> {
  return tokenOf(sub, { exp: (now + ms) / 1_000 });
}

export interface KeyPair {
  /** PEM of the public half. */
  readonly pem: string;
  readonly jwk: object;
  token(sub: string, claims?: JWTPayload): Promise<string>;
}

export async function keyPair(alg: 'RS256' | 'ES256' | 'EdDSA', kid = alg): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    pem: await exportSPKI(publicKey),
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    token: (sub, claims = {}) => new SignJWT({ sub, ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey),
  };
}

/** A real key endpoint (RFC 7517) on a free port. */
export class KeyServer implements AsyncDisposable {
  requests = 0;
  /** Answers 500 while true. */
  isDown = false;
  #keys: readonly KeyPair[] = [];

  private constructor(private readonly server: Server) {}

  static async start(...keys: readonly KeyPair[]): Promise<KeyServer> {
    const server = createServer((_request, response) => {
      keyServer.requests++;
      response.statusCode = keyServer.isDown ? 500 : 200;
      response.end(keyServer.isDown ? '' : JSON.stringify({ keys: keyServer.#keys.map(({ jwk }) => jwk) }));
    });
    const keyServer = new KeyServer(server);
    keyServer.publish(...keys);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return keyServer;
  }

  get url(): string {
    // Listening on TCP, so neither a pipe's name nor null.
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  publish(...keys: readonly KeyPair[]): void {
    this.#keys = keys;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
