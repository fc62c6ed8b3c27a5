import { once } from 'node:events';
import { rawUpgrade } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { carriesTraffic } from './support/deployed-suite.js';
import { freePort } from './support/free-port.js';
import { nginx, ProxyProcess, proxyMissing, shippedFile } from './support/proxy-process.js';
import { redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const files = {
  'nginx.conf': shippedFile('nginx/nginx.conf'),
  'holdfast.conf': shippedFile('nginx/holdfast.conf'),
  'upstream.conf': shippedFile('nginx/upstream.conf'),
};
const canary = shippedFile('nginx/upstream-canary.conf');

requires('nginx and redis-server', () => proxyMissing('nginx') ?? redisMissing())('nginx as shipped', () => {
  carriesTraffic({
    checksNodes: false,
    program: nginx,
    files,
    shares: (old, now) => ({
      'upstream.conf': canary
        .replace('weight=95', old === 0 ? 'down' : `weight=${old}`)
        .replace('weight=5 ', `weight=${now} `),
    }),
    // It does not: each connection is an attempt.
    seesFirst: () => true,
    replacements: replaced,
  });

  it.each([
    ['as shipped', files, 40],
    // Shows that the line is needed, and that the test would find out.
    ['without max_fails=0', { ...files, 'upstream.conf': files['upstream.conf'].replaceAll(' max_fails=0;', ';') }, 0],
  ])('lets everybody in again after all nodes have been away: %s', async (_, theseFiles, expected) => {
    const [port, first, second] = [await freePort(), await freePort(), await freePort()];
    await using proxy = await ProxyProcess.start(nginx, theseFiles, replaced(port, first, second));
    const upgrade = (): Promise<number> => rawUpgrade(`ws://127.0.0.1:${port}/live`).then(({ status }) => status);
    expect(await upgrade()).toBe(502);
    expect(proxy.log).toContain('Connection refused');
    const nodes = [new WebSocketServer({ port: first }), new WebSocketServer({ port: second })];
    try {
      await Promise.all(nodes.map((node) => once(node, 'listening')));
      let succeeded = 0;
      for (let n = 0; n < 40; n++) if ((await upgrade()) === 101) succeeded++;
      expect(succeeded).toBe(expected);
    } finally {
      for (const node of nodes) {
        for (const client of node.clients) client.terminate();
        node.close();
      }
    }
  });
});

function replaced(port: number, first: number, second: number): Record<string, string> {
  return {
    'listen 8080;': `listen 127.0.0.1:${port};`,
    'server holdfast-1:3000': `server 127.0.0.1:${first}`,
    'server holdfast-2:3000': `server 127.0.0.1:${second}`,
    'server holdfast-canary:3000': `server 127.0.0.1:${second}`,
  };
}
