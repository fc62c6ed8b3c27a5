import { TestClient, type TestFrame } from '@holdfast/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boot, type Setup } from '../../../../test/support/boot.js';
import { filters, guards, handlers, interceptors, pipes, type Witness } from './generated-enhancers.js';
import { type Enhancers, gatewayOf, make, type Shape } from './generated-gateway.js';
import { callByNest, callWithoutEnhancers } from './nest-chain.js';
import { LogRecorder } from '../../../../test/support/log-recorder.js';

/*
 * Handlers with any combination of guards, interceptors, pipes and filters, of the application, the class and the
 * method, are called twice: as Holdfast compiles them, and by Nest's own chain. Clients, enhancers and the log must not
 * be able to tell which.
 */

/** Most let a message pass, or few would ever reach its handler. */
const among = (table: object, usual: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(usual) }, fc.constantFrom(...Object.keys(table)));

const enhancers: fc.Arbitrary<Enhancers> = fc.record({
  guards: fc.array(among(guards, 'yes'), { maxLength: 2 }),
  interceptors: fc.array(among(interceptors, 'passes'), { maxLength: 2 }),
  pipes: fc.array(among(pipes, 'same'), { maxLength: 2 }),
  filters: fc.array(fc.constantFrom(...Object.keys(filters)), { maxLength: 2 }),
});
const few: fc.Arbitrary<Enhancers> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ guards: [], interceptors: [], pipes: [], filters: [] }) },
  enhancers,
);
const shapes: fc.Arbitrary<Shape> = fc.record({
  all: few,
  own: few,
  methods: fc.array(
    fc
      .tuple(enhancers, fc.record({ handler: fc.constantFrom(...Object.keys(handlers)), isDecorated: fc.boolean() }))
      .map(([around, method]) => ({ ...around, ...method })),
    { minLength: 1, maxLength: 6 },
  ),
  byClass: fc.boolean(),
});

interface Outcome {
  readonly frames: TestFrame[];
  readonly seen: unknown[];
}

/** Calls each handler, with an id and without. */
async function outcomesOf(
  shape: Shape,
  override?: Setup['override'],
): Promise<{ called: Outcome[]; errors: string[] }> {
  let seen: unknown[] = [];
  const witness: Witness = (...facts) => {
    // Later changes of what was seen are not what was seen.
    seen.push(JSON.parse(JSON.stringify(facts)));
  };
  const log = new LogRecorder();
  const globals = make(shape.all, 'application', witness);
  await using app = await boot({
    options: { messages: { maxViolations: Infinity } },
    providers: [gatewayOf(shape, witness)],
    logger: log,
    configure: (nest) => {
      nest.useGlobalGuards(...globals.guards.map((type) => new type()));
      nest.useGlobalInterceptors(...globals.interceptors.map((type) => new type()));
      nest.useGlobalPipes(...globals.pipes.map((type) => new type()));
      nest.useGlobalFilters(...globals.filters.map((type) => new type()));
    },
    override,
  });
  await using client = await TestClient.connect(app.url('/generated'));
  const called: Outcome[] = [];
  for (const index of shape.methods.keys()) {
    for (const id of [{}, { id: 1 }]) {
      seen = [];
      client.send({ event: String(index), data: { sent: index }, ...id });
      called.push({ frames: await untilQuiet(client), seen });
    }
  }
  return { called, errors: log.messages.filter((line) => line.startsWith('error')) };
}

/**
 * What nobody subscribes to is answered at once and calls no enhancer. Nothing here waits for a timer, so that all is
 * done within the turns of the event loop that three round trips take.
 */
async function untilQuiet(client: TestClient): Promise<TestFrame[]> {
  const frames: TestFrame[] = [];
  for (const round of ['first', 'second', 'third']) {
    client.send({ event: 'nobody', id: round });
    for (let frame = await client.next(); frame.id !== round; frame = await client.next()) frames.push(frame);
  }
  return frames;
}

it('is the same to clients, enhancers and the log, whether a handler is compiled or called by Nest', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      expect(await outcomesOf(shape)).toEqual(await outcomesOf(shape, callByNest));
    }),
    { numRuns: 60 },
  );
});

it('would notice handlers that are called without their enhancers', async () => {
  const none = { guards: [], interceptors: [], pipes: [], filters: [] };
  const shape = { all: none, own: none, byClass: false };
  for (const enhancer of [{ guards: ['no'] }, { interceptors: ['maps'] }, { pipes: ['wraps'] }]) {
    const methods = [{ ...none, ...enhancer, handler: 'answers', isDecorated: true }];
    const sabotaged = await outcomesOf({ ...shape, methods }, callWithoutEnhancers);
    expect(sabotaged).not.toEqual(await outcomesOf({ ...shape, methods }, callByNest));
  }
});
