import { concat, delay, EMPTY, finalize, map, merge, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StreamReply, type StreamSink } from '../../src/dispatch/stream-reply.js';

/** Writes down what it is told. */
class Recorder implements StreamSink {
  readonly told: unknown[] = [];
  mayBegin = true;
  onNext: (() => void) | undefined;

  next(value: unknown): void {
    this.told.push(['next', value]);
    this.onNext?.();
  }

  finished(value: unknown): void {
    this.told.push(['finished', value]);
  }

  error(error: unknown): void {
    this.told.push(['error', error]);
  }

  begun(): void {
    this.told.push('begun');
  }

  teardownFailed(error: unknown): void {
    this.told.push(['teardown failed', error]);
  }

  mayStream(): boolean {
    return this.mayBegin;
  }
}

function replyTo(source: Observable<unknown>, isStream = false, sink = new Recorder()) {
  const reply = new StreamReply(sink);
  reply.start(source, isStream);
  return { reply, sink };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an observable that may be a plain value', () => {
  it.each<[what: string, source: Observable<unknown>, told: unknown[]]>([
    ['nothing', EMPTY, [['finished', undefined]]],
    ['one value', of(1), [['finished', 1]]],
    ['one value that is undefined', of(undefined), [['finished', undefined]]],
    ['an error', throwError(() => 'e'), [['error', 'e']]],
    ['two values', of(1, 2), ['begun', ['next', 1], ['next', 2], ['finished', undefined]]],
    [
      'two values and an error',
      concat(
        of(1, 2),
        throwError(() => 'e'),
      ),
      ['begun', ['next', 1], ['next', 2], ['error', 'e']],
    ],
  ])('%s', async (_what, source, told) => {
    const { sink, reply } = replyTo(source);
    await turn();
    expect(sink.told).toEqual(told);
    expect(reply.isStreaming).toBe(false);
  });

  it('is a stream when its first value is not followed by the end in the same turn', async () => {
    const source = new Subject();
    const { sink, reply } = replyTo(source);
    expect(sink.told).toEqual([]);
    source.next(1);
    expect(reply.isStreaming).toBe(false);
    await turn();
    expect(reply.isStreaming).toBe(true);
    source.complete();
    expect(sink.told).toEqual(['begun', ['next', 1], ['finished', undefined]]);
  });

  it('waits for its first value', async () => {
    const { sink, reply } = replyTo(NEVER);
    await turn();
    expect(sink.told).toEqual([]);
    expect(reply.isStreaming).toBe(false);
  });
});

describe('an observable that is known to be a stream', () => {
  it('begins at once', () => {
    const { sink, reply } = replyTo(NEVER, true);
    expect(sink.told).toEqual(['begun']);
    expect(reply.isStreaming).toBe(true);
  });

  it('is a plain value all the same when it has already ended', () => {
    expect(replyTo(of(1), true).sink.told).toEqual([['finished', 1]]);
    expect(replyTo(EMPTY, true).sink.told).toEqual([['finished', undefined]]);
  });
});

describe('a stream that may not begin', () => {
  it.each([true, false])('is unsubscribed and heard of no more (known to be one: %s)', async (isStream) => {
    const source = new Subject();
    const sink = new Recorder();
    sink.mayBegin = false;
    replyTo(source, isStream, sink);
    source.next(1);
    source.next(2);
    await turn();
    expect(source.observed).toBe(false);
    expect(sink.told).toEqual([]);
  });

  it('is so, too, when its second value comes with the first', () => {
    let isSubscribed = true;
    const sink = new Recorder();
    sink.mayBegin = false;
    const source = new Observable((subscriber) => {
      subscriber.next(1);
      subscriber.next(2);
      return () => (isSubscribed = false);
    });
    replyTo(source, false, sink);
    expect(isSubscribed).toBe(false);
    expect(sink.told).toEqual([]);
  });
});

describe('a stream that is cancelled', () => {
  it.each(['before its first value', 'while its first value waits', 'after it has begun'])('%s', async (when) => {
    const source = new Subject();
    const { sink, reply } = replyTo(source);
    if (when !== 'before its first value') source.next(1);
    if (when === 'after it has begun') await turn();
    const told = [...sink.told];
    reply.cancel();
    expect(source.observed).toBe(false);
    source.next(2);
    source.complete();
    await turn();
    expect(sink.told).toEqual(told);
    expect(reply.isStreaming).toBe(false);
  });

  it('by what its own first value led to, gets no second', () => {
    const sink = new Recorder();
    const reply = new StreamReply(sink);
    sink.onNext = () => {
      reply.cancel();
    };
    reply.start(of(1, 2, 3), false);
    expect(sink.told).toEqual(['begun', ['next', 1]]);
  });
});

describe('what the application does when a stream is over and what throws there', () => {
  const late = new Error('late');
  const failing = (error: unknown) =>
    finalize(() => {
      throw error;
    });

  it('goes to the sink once, and everybody after it still runs', () => {
    const ended: string[] = [];
    const source = merge(NEVER.pipe(failing('inner')), NEVER.pipe(finalize(() => ended.push('beside')))).pipe(
      failing('first'),
      failing('second'),
      finalize(() => ended.push('last')),
    );
    const { reply, sink } = replyTo(source);
    reply.cancel();
    reply.cancel();
    expect(sink.told).toEqual(['inner', 'first', 'second'].map((error) => ['teardown failed', error]));
    expect(ended).toEqual(['beside', 'last']);
  });

  it.each<[what: string, end: (source: Subject<unknown>) => void, told: unknown]>([
    ['it completes', (source) => source.complete(), ['finished', undefined]],
    ['it fails', (source) => source.error('e'), ['error', 'e']],
  ])('is not thrown at the source when %s', (_what, end, told) => {
    const source = new Subject();
    const { sink } = replyTo(
      source.pipe(
        failing('inner'),
        map((value) => value),
        failing('outer'),
      ),
    );
    expect(() => {
      end(source);
    }).not.toThrow();
    expect(sink.told).toContainEqual(told);
    expect(sink.told).toContainEqual(['teardown failed', 'inner']);
    expect(sink.told).toContainEqual(['teardown failed', 'outer']);
    expect(sink.told).toHaveLength(3);
  });

  it.each<[what: string, source: Observable<unknown>]>([
    [
      'a teardown',
      new Observable((subscriber) => {
        subscriber.next(1);
        subscriber.complete();
        return () => {
          throw late;
        };
      }),
    ],
    ['an operator', of(1).pipe(failing(late))],
  ])('is no answer when the source has ended at once: %s', async (_what, source) => {
    const { sink } = replyTo(source);
    await turn();
    expect(sink.told).toEqual([
      ['finished', 1],
      ['teardown failed', late],
    ]);
  });

  it('may be anything, also what cannot be written', () => {
    const nothing: unknown = Object.create(null);
    const { reply, sink } = replyTo(NEVER.pipe(failing(nothing)));
    reply.cancel();
    expect(sink.told).toHaveLength(1);
  });
});

describe('an observable that is none of RxJS, or none that works', () => {
  it('and throws when it is subscribed to has failed', () => {
    const source = {
      lift: () => source,
      subscribe: () => {
        throw new Error('no');
      },
    } as unknown as Observable<unknown>;
    const { sink, reply } = replyTo(source, true);
    expect(sink.told).toEqual([['error', new Error('no')]]);
    expect(reply.closed).toBe(true);
  });

  it('is unsubscribed from by what it returns', async () => {
    let isEnded = false;
    const source = {
      subscribe: () => ({ unsubscribe: () => (isEnded = true) }),
    } as unknown as Observable<unknown>;
    const { reply } = replyTo(source, true);
    reply.cancel();
    expect(isEnded).toBe(true);
  });

  it('may end late', async () => {
    const { sink } = replyTo(
      of(1).pipe(
        delay(1),
        finalize(() => {
          throw new Error('e');
        }),
      ),
    );
    await expect.poll(() => sink.told).toContainEqual(['teardown failed', new Error('e')]);
  });
});
