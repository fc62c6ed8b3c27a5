import type * as direct from '../../src/direct/index.js';

// Takes the place of `direct/index.ts` for `npm run test:without-direct`: nothing is compiled, so that all of it runs
// in Nest's own chain, and behaves the same.

export class DirectCompiler implements Pick<direct.DirectCompiler, 'handler' | 'admission'> {
  handler(): undefined {
    return undefined;
  }

  admission(): undefined {
    return undefined;
  }
}
