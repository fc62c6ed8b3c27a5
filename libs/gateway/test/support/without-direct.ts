import type * as direct from '../../src/direct/index.js';

// Takes the place of `direct/index.ts` for `npm run test:without-direct`: nothing is compiled, so that all of it runs
// in Nest's own chain, and behaves the same.

export const compileHandler: typeof direct.compileHandler = () => undefined;

export const compileAdmission: typeof direct.compileAdmission = () => undefined;
