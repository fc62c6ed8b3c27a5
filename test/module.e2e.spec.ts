import { Injectable, Module } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import {
  ConnectionRegistry,
  HoldfastError,
  HoldfastModule,
  type HoldfastOptions,
  type HoldfastOptionsFactory,
} from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, bootFailure } from './support/boot.js';

@WebSocketGateway({ path: '/echo' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(): string {
    return 'heard';
  }
}

@Injectable()
class Settings {
  readonly maxPayloadBytes = 777;
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class SettingsFactory implements HoldfastOptionsFactory {
  constructor(private readonly settings: Settings) {}

  createHoldfastOptions(): HoldfastOptions {
    return { messages: { maxPayloadBytes: this.settings.maxPayloadBytes } };
  }
}

@Module({ imports: [SettingsModule], providers: [SettingsFactory], exports: [SettingsFactory] })
class FactoryModule {}

/** What the options made of the limit that `$welcome` names. */
async function announcedLimit(app: HoldfastTestApp): Promise<unknown> {
  await using client = await TestClient.connectSdk(app.url('/echo'));
  return (client.welcome?.data as { limits: { maxPayloadBytes: number } }).limits.maxPayloadBytes;
}

const providers = [EchoGateway];

describe('HoldfastModule', () => {
  it.each([
    ['forRoot()', HoldfastModule.forRoot()],
    ['forRoot({})', HoldfastModule.forRoot({})],
  ])('serves gateways with all defaults by %s', async (_call, holdfast) => {
    await using app = await boot({ holdfast, providers });
    await using client = await TestClient.connect(app.url('/echo'));
    expect(await client.request('echo')).toMatchObject({ data: 'heard' });
    expect(await announcedLimit(app)).toBe(262_144);
  });

  it.each([
    [
      'useFactory with what it injects',
      HoldfastModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: ({ maxPayloadBytes }: Settings) => Promise.resolve({ messages: { maxPayloadBytes } }),
      }),
    ],
    ['useClass', HoldfastModule.forRootAsync({ imports: [SettingsModule], useClass: SettingsFactory })],
    ['useExisting', HoldfastModule.forRootAsync({ imports: [FactoryModule], useExisting: SettingsFactory })],
  ])('takes its options from forRootAsync with %s', async (_how, holdfast) => {
    await using app = await boot({ holdfast, providers });
    expect(await announcedLimit(app)).toBe(777);
  });

  it.each([
    ['forRoot', HoldfastModule.forRoot({ heartbeat: { intervalMs: -1 } })],
    ['forRootAsync', HoldfastModule.forRootAsync({ useFactory: () => ({ heartbeat: { intervalMs: -1 } }) })],
  ])('does not boot with a wrong option of %s, and names it', async (_how, holdfast) => {
    expect(await bootFailure({ holdfast, providers })).toEqual({
      code: 'INVALID_OPTIONS',
      message:
        'Holdfast was given options it cannot work with:\n' +
        '- heartbeat.intervalMs must be a whole number not less than 0, or Infinity for no limit, but is -1',
    });
  });

  it('does not boot when a factory returns nothing', async () => {
    // As a factory in JavaScript that forgot its return.
    const holdfast = HoldfastModule.forRootAsync({ useFactory: () => undefined as unknown as HoldfastOptions });
    expect(await bootFailure({ holdfast, providers })).toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('may be imported by several modules as one, and is global', async () => {
    const holdfast = HoldfastModule.forRoot();

    @Module({ imports: [holdfast] })
    class OtherModule {}

    @Injectable()
    class Elsewhere {
      constructor(readonly registry: ConnectionRegistry) {}
    }

    @Module({ providers: [Elsewhere] })
    class ElsewhereModule {}

    await using app = await boot({ holdfast, imports: [OtherModule, ElsewhereModule], providers });
    await using client = await TestClient.connect(app.url('/echo'));
    expect(await client.request('echo')).toMatchObject({ data: 'heard' });
    expect(app.app.get(Elsewhere).registry.size).toBe(1);
  });

  it('does not boot when it is imported twice with options of its own each', async () => {
    const failure = await bootFailure({ imports: [HoldfastModule.forRoot({})], providers });
    expect(failure.code).toBe('ADAPTER_REPLACED');
    expect(failure.message).toContain('another HoldfastModule.forRoot() did the same: import it once, it is global');
  });

  it('does not boot behind another adapter', async () => {
    const testing = await Test.createTestingModule({ imports: [HoldfastModule.forRoot()], providers }).compile();
    const app = testing.createNestApplication({ logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    const failure = await app.init().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(HoldfastError);
    expect(failure).toMatchObject({
      code: 'ADAPTER_REPLACED',
      message: expect.stringContaining('delete app.useWebSocketAdapter') as string,
    });
    await app.close();
  });
});
