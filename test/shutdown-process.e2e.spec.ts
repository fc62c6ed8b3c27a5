import { ConnectionEnded, HandshakeRefused, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.js';
import type { Ledger } from './support/drain-ledger.js';
import { ScriptProcess } from './support/script-process.js';

const patienceMs = 60_000;
const lanes = ['in turn', 'in turn', 'together', 'together', 'together'];

/** Asks again as soon as it has its answer, until the connection ends. */
class Load {
  answered = 0;
  unanswered = 0;
  readonly #over: Promise<unknown>;

  constructor(readonly client: TestClient) {
    this.#over = Promise.all(lanes.map((event) => this.#ask(event)));
  }

  /** Resolves when nothing is asked any more, with the close code. */
  async end(): Promise<number> {
    await this.#over;
    return (await this.client.closed).code;
  }

  async #ask(event: string): Promise<void> {
    for (let n = 0; ; n++) {
      try {
        const { event: kind, data } = await this.client.request(event, n, patienceMs);
        expect([kind, data]).toEqual(['$reply', n]);
        this.answered++;
      } catch (error) {
        if (!(error instanceof ConnectionEnded)) throw error;
        this.unanswered++;
        return;
      }
    }
  }
}

/** Tries to come back until nobody is there; says how it was refused. */
async function knock(url: string): Promise<readonly string[]> {
  const answers: string[] = [];
  for (;;) {
    const outcome = await TestClient.connect(url, { timeoutMs: patienceMs }).catch((error: unknown) => error);
    if (outcome instanceof HandshakeRefused) answers.push(`${outcome.status} ${JSON.stringify(outcome.body)}`);
    else if (outcome instanceof ConnectionEnded) return answers;
    else return [...answers, `connected: ${String(outcome)}`];
  }
}

describe('SIGTERM under load', () => {
  it('answers each request that it took once, says 1012 to everybody and closes the database last', async () => {
    await using server = ScriptProcess.run(await bundle('drain-server.ts'));
    const url = `${(await server.line('listening')).replace('http', 'ws')}/load`;
    const options = { timeoutMs: patienceMs };
    const clients = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        i % 2 === 0 ? TestClient.connect(url, options) : TestClient.connectSdk(url, options),
      ),
    );
    const loads = clients.map((client) => new Load(client));
    // Everybody is being served.
    await Promise.all(clients.map((client) => client.request('in turn', 'first', patienceMs)));
    const before = sum(loads, 'answered');

    server.signal('SIGTERM');
    const refusals = clients[0]!.closed.then(() => knock(url));
    expect(new Set(await Promise.all(loads.map((load) => load.end())))).toEqual(new Set([1012]));
    const ledger = JSON.parse(await server.line('ledger')) as Ledger;
    await server.end();
    expect(server.exitCode).toBe(0);
    // Nothing on stderr.
    expect(server.printed).toEqual([]);

    // A second answer to a request would wait here.
    for (const [i, { waiting }] of clients.entries()) expect(waiting).toEqual(i % 2 === 0 ? [] : ['$drain']);
    const answered = sum(loads, 'answered') + clients.length;
    expect(answered).toBe(ledger.handled);
    expect(answered).toBeGreaterThan(before + clients.length);
    expect(ledger).toMatchObject({
      farewells: 100,
      refusals: 0,
      events: ['farewell', 'drained', 'database closed', 'shut down by SIGTERM'],
      report: { connections: 100, closed: 100, cut: 0, handlersCut: 0, hooksUnfinished: 0 },
    });
    expect(ledger.report?.handlersFinished).toBeGreaterThan(0);
    for (const refusal of await refusals) expect(refusal).toMatch(/^503 .*"DRAINING"/);
    console.log(
      `SIGTERM with ${sum(loads, 'unanswered')} requests under way: ${JSON.stringify(ledger.report)}, ` +
        `${answered} answered, ${(await refusals).length} refused`,
    );
  });
});

function sum(loads: readonly Load[], what: 'answered' | 'unanswered'): number {
  return loads.reduce((total, load) => total + load[what], 0);
}
