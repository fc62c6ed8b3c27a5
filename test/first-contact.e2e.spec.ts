import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastModule, Principal } from '@holdfast/gateway';
import { HandshakeRefused, HoldfastTestApp, TestClient } from '@holdfast/testing';
import { UseGuards } from '@nestjs/common';
import { SignJWT } from 'jose';
import { expect, it } from 'vitest';

const secret = 'a secret for tests that is long enough';

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/echo' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(
    @MessageBody() data: unknown,
    @ConnectedSocket() connection: Connection,
    @Principal() principal: Principal,
  ): unknown {
    return { data, id: connection.id, subject: principal.subject };
  }
}

@Module({ imports: [HoldfastModule.forRoot({ auth: { secret } })], providers: [EchoGateway] })
class AppModule {}

it('admits a token, refuses a stranger and answers a request', async () => {
  await using app = await HoldfastTestApp.start(() => NestFactory.create(AppModule, { logger: ['error', 'warn'] }));
  await expect(TestClient.connect(app.url('/echo'))).rejects.toThrow(HandshakeRefused);
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ada')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  await using client = await TestClient.connect(app.url('/echo'), { token });
  const reply = await client.request('echo', { a: 1 });
  expect(reply).toMatchObject({ event: '$reply', data: { data: { a: 1 }, subject: 'ada' } });
});
