import { redisBackplane } from '@holdfast/redis/ioredis';
import { Cluster } from 'ioredis';
import { describeOnCluster } from './support/redis-cluster-harness.js';

describeOnCluster('ioredis', (addresses, natMap, options) =>
  redisBackplane({ client: new Cluster(addresses, { natMap, lazyConnect: true }), ...options }),
);
