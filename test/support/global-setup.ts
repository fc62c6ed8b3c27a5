import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Builds what some tests start as processes of their own, or load in a browser: once, before files that would get in
 * each other's way.
 */
export default function build(): void {
  run('node_modules/typescript/bin/tsc', '-b', 'src');
  run('tools/bundle-client.js');
}

function run(...command: string[]): void {
  const root = join(import.meta.dirname, '../..');
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The service does not build:\n${stdout}${stderr}`);
}
