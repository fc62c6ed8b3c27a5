import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { directAlias, isWithoutDirect } from './tools/without-direct.js';

// Libraries are imported by package name; this condition leads to their sources, so no test waits for a build. `module`
// is a bundler's word: Node does not know it, and the files behind it in OpenTelemetry's packages are none it could
// load.
const conditions = ['@holdfast/source', ...defaultServerConditions.filter((condition) => condition !== 'module')];

const isLong = process.env['LONG_TESTS'] === 'true';

export default defineConfig({
  // Without metadata every constructor injection in Nest resolves to Object.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions, alias: directAlias },
  ssr: { resolve: { conditions } },
  test: {
    setupFiles: ['./tools/test-setup.ts'],
    reporters: ['default', './tools/closing-line.ts'],
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      // Named explicitly: a file that no test loads would otherwise be missing from the report instead of at 0 %.
      include: ['src/**/*.ts', 'libs/*/src/**/*.ts'],
      reporter: ['text', 'html', 'json-summary'],
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: isLong ? [] : ['libs/*/test/**/*.spec.ts', 'tools/**/*.spec.ts'],
          exclude: isWithoutDirect ? ['libs/gateway/test/direct/**'] : [],
          // Property tests take what they take on a loaded machine; what hangs is still found.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [isLong ? 'test/**/*.long.spec.ts' : 'test/**/*.e2e.spec.ts'],
          globalSetup: ['./test/support/global-setup.ts'],
          // Real processes: a stalled event loop or a crashed worker of one file must not touch another file.
          pool: 'forks',
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Real faults on a shared machine: one bad moment is named as flaky in the closing lines and ends no build.
          retry: process.env['CI'] === 'true' ? 1 : 0,
          // After the unit tests, so that timing under test is not disturbed by them on a small machine.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
