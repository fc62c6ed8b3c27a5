import { exportJWK, generateKeyPair } from 'jose';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sign } from './tokens.js';

interface SigningKey {
  readonly kid: string;
  readonly publicJwk: object;
  sign(claims: object): Promise<string>;
}

/** A real key endpoint on a free port whose answer the test decides. */
export class JwksServer {
  requests = 0;
  /** Answers with this instead of the published keys. */
  broken: { status: number; body: string } | undefined;
  /** Answers in place of all that, as a server may. */
  hostile: ((response: ServerResponse) => void) | undefined;
  #keys: SigningKey[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<JwksServer> {
    const server = createServer((_request, response) => {
      jwks.requests += 1;
      if (jwks.hostile) {
        jwks.hostile(response);
        return;
      }
      response.statusCode = jwks.broken?.status ?? 200;
      response.setHeader('Content-Type', 'application/json');
      response.end(jwks.broken?.body ?? JSON.stringify({ keys: jwks.#keys.map((key) => key.publicJwk) }));
    });
    const jwks = new JwksServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return jwks;
  }

  get url(): string {
    // Listening on a TCP port, so the address is no pipe name.
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  publish(...keys: SigningKey[]): void {
    this.#keys = keys;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

export async function signingKey(kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
  return { kid, publicJwk, sign: (claims) => sign({ ...claims }, privateKey, 'ES256', kid) };
}
