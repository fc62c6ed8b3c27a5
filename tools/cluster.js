// Runs two nodes of the demo service on one Redis behind nginx with the files of deploy/nginx: `npm run cluster`. Nodes
// are killed, drained and paused by commands that are typed or piped in, while a page in a browser shows that it misses
// nothing.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setInterval } from 'node:timers';
import { buildService } from './build-service.js';
import { Children } from './cluster/children.js';
import { Commands, help } from './cluster/commands.js';
import { Nginx } from './cluster/nginx.js';
import { ClusterNode } from './cluster/node.js';
import { missingPrograms } from './cluster/programs.js';
import { startRedis } from './cluster/redis.js';

const lookEveryMs = 200;

/**
 * Where commands are typed; none while they are piped in.
 *
 * @type {import('node:readline').Interface | undefined}
 */
let prompt;

/**
 * Above the line that is being typed.
 *
 * @param {string} text
 */
function print(text) {
  if (prompt) process.stdout.write('\r\x1b[K');
  console.log(text);
  prompt?.prompt(true);
}

async function main() {
  const missing = missingPrograms();
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  if (!(await buildService())) return 1;
  const children = new Children();
  /** Ends everything at once, whatever a command is waiting for. */
  const stop = async () => {
    await children.end();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  // `npm run` that gets a signal ends its shell alone, which passes nothing on.
  const { ppid } = process;
  setInterval(() => {
    if (process.ppid !== ppid) void stop();
  }, lookEveryMs).unref();
  try {
    await run(children);
    return 0;
  } finally {
    await children.end();
  }
}

/** @param {Children} children */
async function run(children) {
  const redis = await startRedis(children);
  const variables = {
    HOLDFAST_REDIS_URL: redis.url,
    HOLDFAST_TRUSTED_PROXIES: '1',
    // The nodes have to accept each other's tokens.
    HOLDFAST_DEMO_SECRET: randomBytes(32).toString('base64url'),
    // A node that is paused is noticed within seconds, while somebody is watching.
    HOLDFAST_HEARTBEAT_MS: '1000',
  };
  const nodes = await Promise.all(['1', '2'].map((name) => ClusterNode.create({ name, children, variables, print })));
  const nginx = await Nginx.start(
    children,
    nodes.map(({ port }) => port),
  );
  await Promise.all(nodes.map((node) => node.start()));

  const origin = `http://127.0.0.1:${nginx.port}`;
  const status = () =>
    [
      ...nodes.map(({ name, state, pid, port }) => `Node ${name}: ${state}, process ${pid ?? '-'}, port ${port}`),
      `redis-server: process ${redis.pid}, port ${redis.port}`,
      `nginx: process ${nginx.pid}, port ${nginx.port}`,
    ].join('\n');
  print(status());
  print(`\nOpen ${origin} and join. The page shows which node it is connected to, and counts. Then type:\n${help()}\n`);

  const commands = new Commands({ nodes, reload: () => nginx.reload(), status, print });
  const { isTTY } = process.stdin;
  const lines = createInterface({ input: process.stdin, ...(isTTY && { output: process.stdout }) });
  if (isTTY) prompt = lines;
  // In a terminal Ctrl+C is a key, and no signal.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  prompt?.prompt();
  for await (const line of lines) {
    // So that it is seen which answers belong to it.
    if (!isTTY) print(`> ${line}`);
    if (!(await commands.run(line))) break;
    prompt?.prompt();
  }
  lines.close();
}

process.exitCode = await main();
