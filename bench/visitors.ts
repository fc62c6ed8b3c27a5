import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { VisitOrder } from './wire.js';

/** The frames of one step, each sent when the one before is answered. */
const frames: Record<VisitOrder['step'], (n: number) => string[]> = {
  echo: (n) => [`{"event":"echo","id":${n},"data":{"text":"a message of usual length, as people send","n":${n}}}`],
  'echo twice': (n) => [...frames.echo(n), ...frames.echo(n)],
  visit: (n) => [`{"event":"visit","id":${n},"data":"visit/${n % 1_000}"}`],
  join: (n) => [
    `{"event":"$join","id":${n},"data":{"room":"visit/${n % 1_000}"}}`,
    `{"event":"$leave","id":${n},"data":{"room":"visit/${n % 1_000}"}}`,
  ],
};

/** SDK clients that do so many steps one after the other, and end. */
export async function visit({ port, token, connections, steps, step }: VisitOrder): Promise<void> {
  await Promise.all(Array.from({ length: connections }, () => one(port, token, Math.ceil(steps / connections), step)));
}

async function one(port: number, token: string, steps: number, step: VisitOrder['step']): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, ['holdfast.v1.json'], { perMessageDeflate: false, headers });
  await once(ws, 'open');
  ws.send('{"event":"$hello","data":{}}');
  await once(ws, 'message');
  await new Promise<void>((resolve, reject) => {
    const waiting: string[] = [];
    let n = 0;
    const next = (): void => {
      if (waiting.length === 0 && n < steps) waiting.push(...frames[step](n++));
      const frame = waiting.shift();
      if (frame === undefined) resolve();
      else ws.send(frame);
    };
    ws.on('message', (message: Buffer) => {
      if (message.includes('"$error"')) reject(new Error(message.toString()));
      // The room that all of them are in has nothing to do with it.
      else if (message.includes('"id"')) next();
    });
    next();
  });
  ws.terminate();
  await once(ws, 'close');
}
