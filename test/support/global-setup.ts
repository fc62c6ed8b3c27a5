import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds what some tests start as processes of their own: once, before files that would get in each other's way. */
export default function build(): void {
  const root = join(import.meta.dirname, '../..');
  const built = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'src'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`The service does not build:\n${built.stdout}${built.stderr}`);
}
