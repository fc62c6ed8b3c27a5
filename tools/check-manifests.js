// Checks what no other tool looks at in manifests, lock and configuration:
// - nothing names a registry host, so that an install works behind any mirror;
// - a library's "exports" lists its doors one by one: a wildcard would make every file public.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** @type {string[]} */
const problems = [];

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

const { packages } = readJson('package-lock.json');
for (const [path, entry] of Object.entries(packages)) {
  // A link to a workspace is resolved to its folder; anything else would be an address.
  if (entry.resolved && !entry.link) problems.push(`package-lock.json: "${path}" is resolved to ${entry.resolved}`);
}

// `registry` as a setting, or a host that calls itself one.
const registrySetting = /\bregistry["']?\s*[=:]|https?:\/\/[\w.-]*(registry|npmjs|artifactory|nexus|verdaccio)[\w.-]*/i;
const configFile =
  /(^|\/)(\.npmrc|\.yarnrc.*|package\.json|\.changeset\/.*\.json|\.ci\/.*|[\w.-]*config[\w.-]*|Dockerfile.*|[\w.-]+\.ya?ml)$/;
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
for (const file of tracked.split('\n')) {
  if (!configFile.test(file) || !existsSync(file)) continue;
  const found = registrySetting.exec(readFileSync(file, 'utf8'));
  if (found) problems.push(`${file}: names a registry ("${found[0]}")`);
}

for (const name of readdirSync('libs')) {
  const file = `libs/${name}/package.json`;
  const { exports, main, types } = readJson(file);
  for (const own of ['README.md', 'LICENSE'])
    if (!existsSync(`libs/${name}/${own}`)) problems.push(`libs/${name}: has no ${own}`);
  if (
    existsSync(`libs/${name}/LICENSE`) &&
    readFileSync(`libs/${name}/LICENSE`, 'utf8') !== readFileSync('LICENSE', 'utf8')
  )
    problems.push(`libs/${name}/LICENSE: differs from LICENSE`);
  // For resolvers that do not know "exports".
  if (main !== exports?.['.']?.default || types !== exports?.['.']?.types)
    problems.push(`${file}: "main" and "types" are not those of "exports"`);
  if (!exports?.['.']) problems.push(`${file}: has no "exports" with an entry "."`);
  if (JSON.stringify(exports ?? {}).includes('*')) problems.push(`${file}: "exports" has a wildcard`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log('manifests: no registry host, no wildcard export');
