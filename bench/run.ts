/**
 * `npm run bench [-- NAME ...]`, of: echo full user pipelined handshake memory heartbeat fairness chunks rooms joins
 * recovery hub nodes storm. See bench/README.md for the method.
 */
import { compare, echo, handshakes, type Row } from './measure.js';
import { chunks } from './chunks.js';
import { fairness } from './fairness.js';
import { heartbeat, memory } from './idle.js';
import { Generator, runAlone } from './processes.js';
import { joins } from './joins.js';
import { recovery, rooms } from './rooms.js';
import { storm } from './storm.js';
import { benchToken } from './wire.js';

const token = await benchToken();
const chosen = process.argv.slice(2);
const wants = (bench: string): boolean => chosen.length === 0 || chosen.includes(bench);
const generator = await Generator.start();

function print(title: string, unit: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  for (const { subject, ratio, lowest, highest, cost } of rows) {
    console.log(
      `  ${subject.padEnd(20)} ${ratio.toFixed(2).padStart(6)}x  (${lowest.toFixed(2)}-${highest.toFixed(2)})  ${cost.toFixed(1).padStart(8)} ${unit}`,
    );
  }
}

const steady = { connections: 50, inFlight: 1, messages: 40_000 };
const unit = 'us CPU/message';
try {
  if (wants('echo')) {
    const rows = await compare(['ws', 'nest', 'socket.io', 'holdfast'], 5, echo(generator, token, steady));
    print('Echo, 50 connections, no pipeline', unit, rows);
    const many = { ...steady, connections: 500 };
    for (const [title, load] of [
      ['The same with 500 connections', many],
      ['Events in place of requests, 50 connections', { ...steady, withId: false }],
      ['Events in place of requests, 500 connections', { ...many, withId: false }],
    ] as const) {
      print(title, unit, await compare(['ws', 'nest', 'holdfast'], 5, echo(generator, token, load)));
    }
  }
  if (wants('user')) {
    for (const [title, load] of [
      ['50 connections', steady],
      ['500 connections', { ...steady, connections: 500 }],
      ['50 connections, 16 requests in flight each', { ...steady, inFlight: 16, messages: 80_000 }],
    ] as const) {
      const rows = await compare(['ws', 'nest-user', 'holdfast-user'], 5, echo(generator, token, load));
      print(
        `Reflector guard, two interceptors, whitelisting ValidationPipe, as users write them: ${title}`,
        unit,
        rows,
      );
    }
  }
  if (wants('full')) {
    const rows = await compare(
      ['ws', 'nest-full', 'socket.io', 'holdfast-full', 'holdfast-full-unsampled', 'holdfast-full-otel'],
      5,
      echo(generator, token, steady),
    );
    print(
      'Echo through AuthGuard, tracing, rate limit and a validated DTO (nest: guard, two interceptors, DTO)',
      unit,
      rows,
    );
  }
  if (wants('pipelined')) {
    const names = ['ws', 'nest-full', 'socket.io', 'holdfast', 'holdfast-full', 'holdfast-full-otel'] as const;
    print(
      'The same with 16 requests in flight per connection',
      unit,
      await compare(names, 5, echo(generator, token, { ...steady, inFlight: 16, messages: 80_000 })),
    );
  }
  if (wants('handshake')) {
    const rows = await compare(
      ['ws', 'ws-jwt', 'nest', 'socket.io', 'holdfast', 'holdfast-jwt'],
      11,
      handshakes(generator, token, 2_000),
    );
    print('Handshake and end (ws-jwt and holdfast-jwt verify a token)', 'us CPU/handshake', rows);
    const own = await compare(['ws-jwt', 'holdfast-jwt'], 11, handshakes(generator, token, 2_000, true));
    print('Handshake and end, each with a token of its own', 'us CPU/handshake', own);
  }
  if (wants('memory')) await memory(generator, token);
  if (wants('heartbeat')) await heartbeat(generator, token);
  if (wants('fairness')) await fairness(token);
  if (wants('rooms')) await rooms(generator, token, print);
  if (wants('joins')) await joins(generator, token);
  if (wants('recovery')) await recovery(generator, token);
  if (wants('hub')) await runAlone('./hub.js');
  if (wants('nodes')) await runAlone('./nodes.js');
  if (wants('storm')) await storm(token);
  if (wants('chunks')) await chunks();
} finally {
  generator.stop();
}
