import {
  Catch,
  createParamDecorator,
  type ExceptionFilter,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  Injectable,
  Inject,
  ValidationPipe,
  type WebSocketAdapter,
  type WsMessageHandler,
} from '@nestjs/common';
import { ContextIdFactory, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Ack, ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { Exclude, Expose, Transform, Type as TypeOf } from 'class-transformer';
import { describe, expect, it } from 'vitest';
import * as internals from '../../src/nest/internals.js';

/*
 * What Holdfast uses of Nest without a promise that it stays. A test that fails here after an update of Nest names what
 * has changed, before anything else fails for reasons that are harder to see.
 */

const Custom = createParamDecorator((data: unknown) => data);
class Enhancer {
  readonly isEnhancer = true;
}

@Catch(WsException)
class TestFilter implements ExceptionFilter {
  static readonly caught: unknown[] = [];

  catch(exception: unknown): void {
    TestFilter.caught.push(exception);
  }
}

@UseFilters(TestFilter)
@WebSocketGateway(4711, { path: '/internals' })
class TestGateway {
  @UseFilters(TestFilter)
  @UseGuards({ canActivate: () => false })
  @UseInterceptors(Enhancer as never)
  @UsePipes(Enhancer as never)
  @SubscribeMessage('test')
  test(
    @ConnectedSocket() _socket: unknown,
    @MessageBody('name') _data: unknown,
    @Custom('custom') _custom: unknown,
    @Ack() _ack: unknown,
  ): void {}
}

const handler = TestGateway.prototype.test;
const { readMetadata } = internals;

it('shows guards of a handshake the client, the request, the pattern and the gateway', () => {
  const context = new internals.ExecutionContextHost(['client', 'request', '$connect'], TestGateway, handler);
  context.setType('ws');
  expect([context.getType(), context.getClass(), context.getHandler()]).toEqual(['ws', TestGateway, handler]);
  const ws = context.switchToWs();
  expect([ws.getClient(), ws.getData(), ws.getPattern()]).toEqual(['client', 'request', '$connect']);
});

describe('metadata under the names that Nest keeps it', () => {
  it('of a gateway', () => {
    expect(readMetadata(internals.GATEWAY_METADATA, TestGateway)).toBe(true);
    expect(readMetadata(internals.GATEWAY_OPTIONS, TestGateway)).toEqual({ path: '/internals' });
    expect(readMetadata(internals.PORT_METADATA, TestGateway)).toBe(4711);
  });

  it('of a handler', () => {
    expect(readMetadata(internals.MESSAGE_MAPPING_METADATA, handler)).toBe(true);
    expect(readMetadata(internals.MESSAGE_METADATA, handler)).toBe('test');
  });

  it('of enhancers', () => {
    expect(readMetadata(internals.EXCEPTION_FILTERS_METADATA, TestGateway)).toEqual([TestFilter]);
    expect(readMetadata(internals.EXCEPTION_FILTERS_METADATA, handler)).toEqual([TestFilter]);
    expect(readMetadata(internals.FILTER_CATCH_EXCEPTIONS, TestFilter)).toEqual([WsException]);
    expect(readMetadata(internals.GUARDS_METADATA, handler)).toHaveLength(1);
    expect(readMetadata(internals.INTERCEPTORS_METADATA, handler)).toEqual([Enhancer]);
    expect(readMetadata(internals.PIPES_METADATA, handler)).toEqual([Enhancer]);
  });

  it('of parameters', () => {
    const params = Reflect.getMetadata(internals.PARAM_ARGS_METADATA, TestGateway, 'test') as Record<string, object>;
    const kinds = Object.fromEntries(
      Object.entries(params).map(([key, entry]) => [(entry as { index: number }).index, key]),
    );
    expect(kinds[0]).toBe(`${internals.WsParam.SOCKET}:0`);
    expect(kinds[1]).toBe(`${internals.WsParam.PAYLOAD}:1`);
    expect(kinds[2]).toContain(internals.CUSTOM_ROUTE_ARGS_METADATA);
    // Neither of the kinds that Holdfast fills in by itself.
    expect(kinds[3]).toMatch(/^\d+:3$/);
    expect([internals.WsParam.SOCKET, internals.WsParam.PAYLOAD]).not.toContain(Number(kinds[3]!.split(':')[0]));
    expect(params[kinds[1]!]).toEqual({ index: 1, data: 'name', pipes: [] });
    expect(params[kinds[2]!]).toMatchObject({ index: 2, data: 'custom', pipes: [] });
    expect((params[kinds[2]!] as { factory: (data: unknown) => unknown }).factory('x')).toBe('x');
  });

  it('and can be copied to a function that stands for another', () => {
    const copy = (): void => undefined;
    internals.copyMetadata(handler, copy);
    expect(readMetadata(internals.MESSAGE_METADATA, copy)).toBe('test');
    expect(readMetadata(internals.GUARDS_METADATA, copy)).toBe(readMetadata(internals.GUARDS_METADATA, handler));
  });
});

/** Writes down what Nest does with an adapter, and when. */
class RecordingAdapter implements WebSocketAdapter<object, object> {
  readonly steps: string[] = [];
  readonly handlers: WsMessageHandler[] = [];
  connect: ((client: object, request: object) => void) | undefined;
  /** Filters of the gateway at the time of the first `create`: changed later they would be changed too late. */
  constructor(private readonly onFirst: () => void) {}

  set forceCloseConnections(_force: boolean) {
    this.steps.push('forceCloseConnections');
    this.onFirst();
  }

  create(): object {
    this.steps.push('create');
    return {};
  }

  bindClientConnect(_server: object, callback: (client: object, request: object) => void): void {
    this.steps.push('bindClientConnect');
    this.connect = callback;
  }

  bindClientDisconnect(): void {
    this.steps.push('bindClientDisconnect');
  }

  bindMessageHandlers(_client: object, handlers: WsMessageHandler[]): void {
    this.steps.push('bindMessageHandlers');
    this.handlers.push(...handlers);
  }

  close(): void {}

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

async function boot(gateway: new (...args: never[]) => object, onFirst: () => void = () => undefined) {
  const module = await Test.createTestingModule({ providers: [gateway] }).compile();
  const app = module.createNestApplication({ logger: false });
  const adapter = new RecordingAdapter(onFirst);
  app.useWebSocketAdapter(adapter);
  await app.init();
  return { app, adapter };
}

describe('what Nest does with its WebSocket adapter', () => {
  it('sets forceCloseConnections before it resolves the filters of the first gateway', async () => {
    const caught: unknown[] = [];
    class LateFilter implements ExceptionFilter {
      catch(exception: unknown): void {
        caught.push(exception);
      }
    }
    Catch()(LateFilter);
    @WebSocketGateway({ path: '/late' })
    class LateGateway {
      @SubscribeMessage('fail')
      fail(): void {
        throw new Error('caught by a filter that came with the adapter');
      }
    }
    const { app, adapter } = await boot(LateGateway, () => {
      Reflect.defineMetadata(internals.EXCEPTION_FILTERS_METADATA, [new LateFilter()], LateGateway);
    });
    expect(adapter.steps).toEqual(['forceCloseConnections', 'create', 'bindClientConnect']);
    adapter.connect!({}, {});
    await adapter.handlers[0]!.callback('data', 'fail');
    expect(caught).toHaveLength(1);
    await app.close();
  });

  it('gives a handler without parameter decorators the client, the data and no acknowledgement, through all pipes', async () => {
    const given: unknown[] = [];
    const piped: unknown[] = [];
    @UsePipes({
      transform: (value: unknown, { type }: { type: string }) => {
        piped.push([type, value]);
        return value;
      },
    })
    @WebSocketGateway({ path: '/default' })
    class DefaultGateway {
      @SubscribeMessage('test')
      test(...args: unknown[]): void {
        given.push(args);
      }
    }
    const { app, adapter } = await boot(DefaultGateway);
    const client = {};
    adapter.connect!(client, {});
    await adapter.handlers[0]!.callback('data', 'event', 'invocation');
    expect(given).toEqual([[client, 'data', undefined]]);
    expect(Object.keys(internals.DEFAULT_PARAM_ARGS).map((key) => internals.kindOf(key))).toEqual([
      internals.WsParam.ACK,
      internals.WsParam.PAYLOAD,
      internals.WsParam.SOCKET,
    ]);
    expect(piped).toEqual([
      ['custom', undefined],
      ['body', 'data'],
      ['custom', client],
    ]);
    await app.close();
  });

  it('binds handlers when a client is announced, and passes further arguments on, with the pattern at the end', async () => {
    const seen: unknown[] = [];
    @UseGuards({
      canActivate: (context) => {
        seen.push(context.getArgs());
        return false;
      },
    })
    @UseFilters(TestFilter)
    @WebSocketGateway({ path: '/args' })
    class ArgsGateway {
      @SubscribeMessage('test')
      test(@Ack() _acknowledge: unknown): void {}
    }
    const { app, adapter } = await boot(ArgsGateway);
    const client = {};
    adapter.connect!(client, {});
    expect(adapter.steps.slice(-2)).toEqual(['bindMessageHandlers', 'bindClientDisconnect']);
    expect(adapter.handlers).toMatchObject([{ message: 'test', isAckHandledManually: true }]);
    TestFilter.caught.length = 0;
    await adapter.handlers[0]!.callback('data', 'event', 'invocation');
    expect(seen).toEqual([[client, 'data', 'event', 'invocation', 'test']]);
    // All there is to tell a guard that returned false from any other exception.
    expect(TestFilter.caught).toHaveLength(1);
    expect(TestFilter.caught[0]).toBeInstanceOf(WsException);
    expect((TestFilter.caught[0] as WsException).getError()).toBe(internals.FORBIDDEN_MESSAGE);
    await app.close();
  });

  it('keeps the context of a client of a request-scoped gateway under REQUEST_CONTEXT_ID, and uses one that is there', async () => {
    const requests: unknown[] = [];
    @Injectable({ scope: Scope.REQUEST })
    @WebSocketGateway({ path: '/scoped' })
    class ScopedGateway {
      constructor(@Inject(REQUEST) request: unknown) {
        requests.push(request);
      }

      @SubscribeMessage('test')
      test(): this {
        return this;
      }
    }
    const { app, adapter } = await boot(ScopedGateway);
    const client = {};
    const contextId = ContextIdFactory.create();
    Object.defineProperty(client, internals.REQUEST_CONTEXT_ID, { value: contextId, configurable: true });
    expect(ContextIdFactory.getByRequest(client)).toBe(contextId);
    app.registerRequestByContextId(client, contextId);
    const instance = await app.resolve(ScopedGateway, contextId);
    adapter.connect!(client, {});
    expect(await adapter.handlers[0]!.callback('data')).toBe(instance);
    expect(requests).toEqual([client]);
    await app.close();
  });
});

describe('what a ValidationPipe does with data', () => {
  it('is told by its settings', () => {
    const expectedType = Enhancer;
    const transformOptions = {};
    const pipe = new ValidationPipe({
      transform: true,
      whitelist: true,
      groups: ['g'],
      expectedType,
      transformOptions,
    });
    const settings = internals.readValidationPipe(pipe);
    expect(settings).toMatchObject({ isTransformEnabled: true, expectedType, transformOptions });
    expect(settings?.validatorOptions).toEqual({ forbidUnknownValues: false, whitelist: true, groups: ['g'] });
    expect(internals.readValidationPipe(new ValidationPipe())).toMatchObject({
      isTransformEnabled: false,
      validatorOptions: { forbidUnknownValues: false },
      transformOptions: undefined,
      expectedType: undefined,
    });
  });

  it('is nothing at all for parameters that it does not validate', async () => {
    const settings = internals.readValidationPipe(new ValidationPipe({ transform: true }));
    expect(settings?.toValidate({ type: 'body', metatype: Enhancer })).toBe(true);
    const value = { a: '1' };
    for (const metadata of [
      { type: 'custom', metatype: Enhancer, data: 'a' },
      { type: 'body', metatype: Object, data: 'a' },
      { type: 'body', metatype: Number },
    ] as const) {
      expect(settings?.toValidate(metadata)).toBe(false);
      expect(await new ValidationPipe({ transform: true }).transform(value, metadata)).toBe(value);
    }
  });

  it('begins with class-transformer, whose decorators are known', () => {
    class Plain {
      declare a: unknown;
    }
    class Typed {
      @TypeOf(() => Date)
      a: unknown;
    }
    class Transformed {
      @Transform(() => 1)
      a: unknown;
    }
    class Exposed {
      @Expose({ name: 'b' })
      a: unknown;
    }
    class Excluded {
      @Exclude()
      a: unknown;
    }
    @Exclude()
    class Closed {
      a: unknown;
    }
    class DerivedTyped extends Typed {}
    expect(internals.isTransformed(Plain, ['a'])).toBe(false);
    expect(internals.isTransformed(Typed, ['b'])).toBe(false);
    for (const type of [Typed, Transformed, Exposed, Excluded, Closed, DerivedTyped]) {
      expect([type.name, internals.isTransformed(type, ['a'])]).toEqual([type.name, true]);
    }
  });
});
