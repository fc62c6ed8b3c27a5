import { type CanActivate, Inject, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import { enhancerOf, type ProviderWrapper, singletonOf } from '../../src/nest/provider-wrapper.js';

class Guard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Injectable()
class SingletonGuard extends Guard {}

@Injectable({ scope: Scope.REQUEST })
class RequestGuard extends Guard {}

@Injectable({ scope: Scope.TRANSIENT })
class TransientGuard extends Guard {}

/** Per request, because what it depends on is. */
@Injectable()
class InfectedGuard extends Guard {
  constructor(@Inject(REQUEST) readonly request: unknown) {
    super();
  }
}

@UseGuards(SingletonGuard)
@WebSocketGateway()
class OneForAll {
  @SubscribeMessage('say')
  say(): void {}
}

/** Per request, because one of its guards is. */
@UseGuards(SingletonGuard, RequestGuard, TransientGuard, InfectedGuard)
@WebSocketGateway()
class Guarded {}

@Injectable({ scope: Scope.REQUEST })
@WebSocketGateway()
class OneForEach {}

@Module({ imports: [DiscoveryModule], providers: [OneForAll, Guarded, OneForEach] })
class TestModule {}

/** How Nest records these gateways. */
async function wrapperOf(type: object): Promise<ProviderWrapper> {
  const testing = await Test.createTestingModule({ imports: [TestModule] }).compile();
  const wrapper = testing
    .get(DiscoveryService)
    .getProviders()
    .find(({ metatype }) => metatype === type);
  if (!wrapper) throw new Error('Nest has no record of it');
  return wrapper;
}

describe("Nest's record of a provider", () => {
  it('has the instance of one that is the same for all', async () => {
    expect(singletonOf(await wrapperOf(OneForAll))).toBeInstanceOf(OneForAll);
  });

  it('has no instance of one that is made per request', async () => {
    expect(singletonOf(await wrapperOf(OneForEach))).toBeUndefined();
    expect(singletonOf(await wrapperOf(Guarded))).toBeUndefined();
  });

  it('has the enhancers of its module that are the same for all, and no others', async () => {
    const wrapper = await wrapperOf(Guarded);
    expect(enhancerOf(wrapper, SingletonGuard)).toBeInstanceOf(SingletonGuard);
    for (const type of [RequestGuard, TransientGuard, InfectedGuard, Guard]) {
      expect(enhancerOf(wrapper, type)).toBeUndefined();
    }
  });
});
