// Checks each library as its users would install it: publint reads the tarball, attw resolves its types as ESM.
// Needs a build.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** @param {string[]} command */
function run(command) {
  const { status } = spawnSync('npx', ['--no-install', ...command], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

for (const name of readdirSync('libs')) {
  console.log(`\n## @holdfast/${name}`);
  run(['publint', '--strict', `libs/${name}`]);
  run(['attw', '--pack', `libs/${name}`, '--profile', 'esm-only', '--format', 'ascii']);
}
