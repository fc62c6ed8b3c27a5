import { Rooms } from '@holdfast/gateway';
import { expect, it, vi } from 'vitest';
import { ReadmeApplication } from './support/readme.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

requires('redis-server', redisMissing)('libs/redis/README.md', () => {
  it('compiles strictly, and keeps rooms in Redis', async () => {
    await using redis = await RedisServer.start();
    vi.stubEnv('REDIS_URL', `redis://127.0.0.1:${redis.port}`);
    using application = ReadmeApplication.create();
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
    expect(application.compile('redis', { lib: ['ES2023'], types: ['node'], ...decorators })).toBe('');
    await using app = await application.start(false, 'redis');
    expect((await redis.admin.keys('*')).sort()).toEqual(['shop:layout', 'shop:nodes']);
    await app.app.get<Rooms>(Rooms).position('orders/1');
    expect(await redis.admin.keys('shop:{*')).toEqual([expect.stringMatching(/^shop:\{\d+\}:m:orders\/1$/)]);
  });
});
