import { join } from 'node:path';
import { defaultServerConditions, runnerImport } from 'vite';

const conditions = ['@holdfast/source', ...defaultServerConditions];

/**
 * Loads a program of the tests from its source, as the tests do. What vite has started goes on until `process.exit()`.
 *
 * @param {string} path - below the folder of the tests
 * @returns {Promise<unknown>}
 */
export async function loadTestProgram(path) {
  const { module } = await runnerImport(join(import.meta.dirname, '../test', path), {
    configFile: false,
    // Node 20 does not know `await using`.
    oxc: { target: 'node20' },
    resolve: { conditions },
    ssr: { resolve: { conditions } },
  });
  return module;
}
