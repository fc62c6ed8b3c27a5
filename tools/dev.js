// Runs the service from a build that follows the sources: compiles once, then recompiles and restarts on every change.
// The client that the page loads is bundled anew, and needs no more than a reload of the page.
//
// The compiler writes its output in place, which `node --watch` sees; many editors replace a saved file, which it
// loses.
import { spawn, spawnSync } from 'node:child_process';

const compiler = 'node_modules/typescript/bin/tsc';

const build = spawnSync(process.execPath, [compiler, '-b', 'src'], { stdio: 'inherit' });
if (build.status !== 0) console.error('The service starts with the last good build, and restarts once this is mended.');

// Before the service starts, which would end without it.
spawnSync(process.execPath, ['tools/bundle-client.js'], { stdio: 'inherit' });

const children = [
  spawn(process.execPath, [compiler, '-b', 'src', '-w', '--preserveWatchOutput'], { stdio: 'inherit' }),
  spawn(process.execPath, ['tools/bundle-client.js', '--watch'], { stdio: 'inherit' }),
  spawn(process.execPath, ['--watch', '--enable-source-maps', 'dist/main.js'], { stdio: 'inherit' }),
];

function stop() {
  for (const child of children) child.kill('SIGTERM');
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// Either one alone is a trap: an old build that never changes, or a build that nothing runs.
for (const child of children) child.on('exit', stop);
