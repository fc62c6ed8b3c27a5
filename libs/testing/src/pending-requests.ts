import { ReservedEvent } from '@holdfast/protocol';
import { RequestFailed, TimedOut } from './errors.js';
import type { TestFrame } from './test-frame.js';

interface PendingRequest {
  /** What came as parts of a stream. */
  readonly parts: unknown[];
  resolve(frame: TestFrame): void;
  reject(error: Error): void;
}

/** The requests of one client that wait for their answers. */
export class PendingRequests {
  readonly #pending = new Map<unknown, PendingRequest>();
  #lastId = 0;
  /** How the connection ended. */
  #end: Error | undefined;

  add(event: string, timeoutMs: number): { id: string; answer: Promise<TestFrame> } {
    const id = String(++this.#lastId);
    const answer = new Promise<TestFrame>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new TimedOut(`the answer to ${event} did not come within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, {
        parts: [],
        resolve: (frame) => {
          settle();
          resolve(frame);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      if (this.#end) this.#pending.get(id)?.reject(this.#end);
    });
    return { id, answer };
  }

  /** True when the frame belonged to a request. A second answer does not, so a test can see it. */
  settle(frame: TestFrame): boolean {
    const request = this.#pending.get(frame.id);
    if (request === undefined) return false;
    if (frame.event === ReservedEvent.error) request.reject(toError(frame.data));
    else if (frame.event === ReservedEvent.next) request.parts.push(frame.data);
    else request.resolve(frame.event === ReservedEvent.end ? { ...frame, data: request.parts } : frame);
    return true;
  }

  /** The connection has ended: whatever waits, or comes after it, is rejected. */
  close(error: Error): void {
    this.#end = error;
    for (const request of this.#pending.values()) request.reject(error);
  }
}

function toError(data: unknown): RequestFailed {
  // Of anything else than an object nothing can be read, which the error then shows.
  const { code, message, details, retryAfterMs } = Object(data) as Record<string, unknown>;
  const waitMs = typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
  return new RequestFailed(String(code), String(message), details, waitMs);
}
