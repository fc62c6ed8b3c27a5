import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setInterval } from 'node:timers/promises';
import { tokenOf } from './service.js';

/** Who is told. */
export const subject = 'ada';
/** The inbox keeps 50 notifications, and a drain asks clients to stay away for up to 5 s. */
const talkEveryMs = 250;

/** Sends a notification at each beat through the proxy, by HTTP, until it is stopped. */
export class Talk {
  readonly said: string[] = [];
  readonly #stop = new AbortController();
  /** Rejects when a request has not succeeded. */
  readonly over: Promise<void>;

  constructor(private readonly origin: string) {
    this.over = this.#talk();
    // A test that ends before it asks has failed already, and is not to fail as an unhandled rejection too.
    this.over.catch(() => undefined);
  }

  /** Resolves with all that was said; rejects if a request has not succeeded. */
  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.over;
    return this.said;
  }

  async #talk(): Promise<void> {
    const token = await tokenOf('bob');
    for await (const stopped of setInterval(talkEveryMs, this.#stop.signal)) {
      if (stopped.aborted) return;
      const text = `message ${this.said.length + 1}`;
      const status = await post(`${this.origin}/notifications/${subject}`, { text }, token);
      if (status !== 201) throw new Error(`"${text}" was answered by ${status}`);
      this.said.push(text);
    }
  }
}

/**
 * On a connection of its own. A request on one that was idle fails if the proxy closes that at the same moment because
 * of a reload, and fetch repeats no POST.
 */
async function post(url: string, body: unknown, token: string): Promise<number | undefined> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
  const sent = request(url, { method: 'POST', headers, agent: false }).end(JSON.stringify(body));
  // What this event brings.
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
