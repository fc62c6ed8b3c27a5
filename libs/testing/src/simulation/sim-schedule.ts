import { seededRandom } from '../seeded-random.js';

export type SimAction =
  'publish' | 'cut' | 'move' | 'stall' | 'toggle' | 'fork' | 'empty' | 'interrupt' | 'pause' | 'crash';

/** One step. `pick` selects the node, client or room, `amount` sets sizes and times; both are in [0, 1). */
export interface SimStep {
  readonly afterMs: number;
  readonly action: SimAction;
  readonly pick: number;
  readonly amount: number;
}

const weights: readonly (readonly [SimAction, number])[] = [
  ['publish', 50],
  ['cut', 7],
  ['move', 3],
  ['stall', 7],
  ['toggle', 4],
  ['fork', 2],
  ['empty', 0.5],
  ['interrupt', 1.5],
  ['pause', 1],
  ['crash', 1],
];

const totalWeight = weights.reduce((sum, [, weight]) => sum + weight, 0);

/** The steps of a seed. */
export function scheduleOf(seed: number, steps: number): SimStep[] {
  const random = seededRandom(seed);
  return Array.from({ length: steps }, () => ({
    afterMs: random.next() * 12,
    action: actionAt(random.next() * totalWeight),
    pick: random.next(),
    amount: random.next(),
  }));
}

function actionAt(place: number): SimAction {
  let passed = 0;
  for (const [action, weight] of weights) {
    passed += weight;
    if (place < passed) return action;
  }
  return 'publish';
}
