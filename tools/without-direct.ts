import { join } from 'node:path';

/** Whether tests run with a stub in place of the fast path of the gateway. */
export const isWithoutDirect = process.env['WITHOUT_DIRECT'] === 'true';

/** What vite is told then. */
export const directAlias = isWithoutDirect
  ? [
      {
        find: '../direct/index.js',
        replacement: join(import.meta.dirname, '../libs/gateway/test/support/without-direct.ts'),
      },
    ]
  : [];
