import type { INestApplication } from '@nestjs/common';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function listen(app: INestApplication): Promise<number> {
  await app.listen(0, '127.0.0.1');
  // Express listens on a TCP server of Node.
  return ((app.getHttpServer() as Server).address() as AddressInfo).port;
}
