// Programs of the system that the cluster needs.
import { spawnSync } from 'node:child_process';

/** Debian installs nginx outside the PATH of ordinary users. */
export const systemPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const programs = { 'redis-server': '--version', nginx: '-v' };

/** @returns {string | undefined} which of them are missing and how to install them; undefined when none is */
export function missingPrograms() {
  const missing = Object.entries(programs)
    .filter(([name, version]) => spawnSync(name, [version], { env: { PATH: systemPath } }).status !== 0)
    .map(([name]) => name);
  if (missing.length === 0) return undefined;
  // The packages of Debian have the names of the programs.
  const names = missing.join(' ');
  return `Not installed: ${missing.join(', ')}. On Debian and Ubuntu: sudo apt-get install ${names}`;
}
