import { setImmediate as turn } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { beforeClose } from '../../src/nest/before-close.js';

const order: string[] = [];

@Injectable()
class Database implements OnModuleDestroy {
  onModuleDestroy(): void {
    order.push('database closed');
  }
}

describe('beforeClose', () => {
  it('is awaited before Nest destroys any provider, and keeps the hook of the adapter', async () => {
    const testing = await Test.createTestingModule({ providers: [Database] }).compile();
    const app = testing.createNestApplication({ logger: false });
    const host = app.get(HttpAdapterHost);
    Object.assign(host.httpAdapter, { beforeClose: () => order.push('hook of the adapter') });
    beforeClose(host, async () => {
      order.push('begun');
      await turn();
      order.push('done');
    });
    await app.init();
    await app.close();
    expect(order).toEqual(['begun', 'done', 'hook of the adapter', 'database closed']);
  });

  it('does nothing where there is no server', async () => {
    const testing = await Test.createTestingModule({ providers: [HttpAdapterHost] }).compile();
    expect(() => beforeClose(testing.get(HttpAdapterHost), () => Promise.resolve())).not.toThrow();
    await testing.close();
  });
});
