import { Controller, Get, Header, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AuthGuard,
  type Connection,
  ConnectionRegistry,
  type DisconnectCause,
  HoldfastGateway,
  HoldfastModule,
  type HoldfastOptions,
} from '@holdfast/gateway';
import { HoldfastTestApp } from '@holdfast/testing';
import { SignJWT } from 'jose';

const secret = 'the secret of the chat under test';

/** What somebody says is heard by all who are there, the speaker included; who asks is answered. */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/chat' })
class ChatGateway extends HoldfastGateway {
  readonly left: DisconnectCause[] = [];

  override onDisconnect(_connection: Connection, cause: DisconnectCause): void {
    this.left.push(cause);
  }

  @SubscribeMessage('say')
  say(@MessageBody() text: unknown, @ConnectedSocket() connection: Connection): number {
    for (const each of this.connections) each.emit('said', { by: connection.principal?.subject, text });
    return this.connections.size;
  }
}

/** A page of the same origin as the gateway. */
@Controller()
class PageController {
  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return '<!doctype html><title>A page</title>';
  }
}

/** An application with a chat for those with a token, and an empty page. */
export function startChat(options: HoldfastOptions = {}): Promise<HoldfastTestApp> {
  @Module({
    imports: [HoldfastModule.forRoot(Object.assign({ auth: { secret } }, options))],
    controllers: [PageController],
    providers: [ChatGateway],
  })
  class ChatModule {}

  return HoldfastTestApp.start(() => NestFactory.create(ChatModule, { logger: ['error'] }));
}

export function chatToken(subject: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
}

export function connectionsOf(app: HoldfastTestApp): readonly Connection[] {
  return [...app.app.get(ConnectionRegistry)];
}

/** Why connections have ended so far. */
export function departuresOf(app: HoldfastTestApp): readonly DisconnectCause[] {
  return app.app.get(ChatGateway).left;
}
