import { carriesTraffic } from './support/deployed-suite.js';
import { nginx, proxyMissing, shippedFile } from './support/proxy-process.js';
import { redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const canary = shippedFile('nginx/upstream-canary.conf');

requires('nginx and redis-server', () => proxyMissing('nginx') ?? redisMissing())('nginx as shipped', () => {
  carriesTraffic({
    program: nginx,
    files: {
      'nginx.conf': shippedFile('nginx/nginx.conf'),
      'holdfast.conf': shippedFile('nginx/holdfast.conf'),
      'upstream.conf': shippedFile('nginx/upstream.conf'),
    },
    shares: (old, now) => ({
      'upstream.conf': canary
        .replace('weight=95', old === 0 ? 'down' : `weight=${old}`)
        .replace('weight=5 ', `weight=${now} `),
    }),
    // It does not: each connection is an attempt.
    seesFirst: () => true,
    replacements: (port, first, second) => ({
      'listen 8080;': `listen 127.0.0.1:${port};`,
      'server holdfast-1:3000': `server 127.0.0.1:${first}`,
      'server holdfast-2:3000': `server 127.0.0.1:${second}`,
      'server holdfast-canary:3000': `server 127.0.0.1:${second}`,
    }),
  });
});
