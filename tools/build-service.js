// Compiles the demo service and bundles the client that its page loads.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** @returns {Promise<boolean>} whether it succeeded; the compiler has printed why not */
export async function buildService() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-b', join(root, 'src')], { stdio: 'inherit' });
  if (status === 0) await import('./bundle-client.js');
  return status === 0;
}
