// Checks each library as its users would install it: publint reads the tarball, attw resolves its types in
// every way that users do, from CommonJS too: the Node versions that are supported load ES modules by `require`.
// Needs a build.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** @param {string[]} command */
function run(command) {
  const { status } = spawnSync('npx', ['--no-install', ...command], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

for (const name of readdirSync('libs')) {
  console.log(`\n## @holdfast/${name}`);
  run(['publint', '--strict', `libs/${name}`]);
  const attw = ['attw', '--pack', `libs/${name}`, '--format', 'ascii', '--ignore-rules', 'cjs-resolves-to-esm'];
  const { exports } = JSON.parse(readFileSync(`libs/${name}/package.json`, 'utf8'));
  const subpaths = Object.keys(exports).filter((path) => path !== '.' && path !== './package.json');
  if (subpaths.length === 0) run(attw);
  else {
    // The oldest resolution knows no "exports", so that it finds nothing but the main entry.
    run([...attw, '--exclude-entrypoints', ...subpaths]);
    run([...attw, '--profile', 'node16', '--entrypoints', ...subpaths]);
  }
}
