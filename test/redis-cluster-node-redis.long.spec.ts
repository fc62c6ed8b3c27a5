import { redisBackplane } from '@holdfast/redis/node-redis';
import { createCluster } from 'redis';
import { describeOnCluster } from './support/redis-cluster-harness.js';

describeOnCluster('node-redis', (addresses, nodeAddressMap, options) =>
  redisBackplane({
    client: createCluster({ rootNodes: addresses.map((socket) => ({ socket })), nodeAddressMap }),
    ...options,
  }),
);
