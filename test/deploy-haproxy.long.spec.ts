import { carriesTraffic } from './support/deployed-suite.js';
import { haproxy, proxyMissing, shippedFile } from './support/proxy-process.js';
import { redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const shipped = shippedFile('haproxy/haproxy.cfg');

requires('haproxy and redis-server', () => proxyMissing('haproxy') ?? redisMissing())('HAProxy as shipped', () => {
  carriesTraffic({
    checksNodes: true,
    program: haproxy,
    files: { 'haproxy.cfg': shipped },
    // Two nodes: the second one is the canary.
    shares: (old, canary) => ({
      'haproxy.cfg': shipped
        .replace('holdfast-1:3000 weight 95', `holdfast-1:3000 weight ${old}`)
        .replace('holdfast-2:3000 weight 95', `holdfast-2:3000 weight ${canary}`),
    }),
    seesFirst: (log) => !/DOWN/.test(log.match(/node-1 is (UP|DOWN)/g)?.at(-1) ?? ''),
    replacements: (port, first, second) => ({
      'bind :8080': `bind 127.0.0.1:${port}`,
      'holdfast-1:3000': `127.0.0.1:${first}`,
      'holdfast-2:3000': `127.0.0.1:${second}`,
      // The limit of the machine that runs the tests may be lower.
      'maxconn 20000': 'maxconn 1000',
    }),
  });
});
