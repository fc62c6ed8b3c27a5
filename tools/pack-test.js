// Proves the packages as their users get them: builds and packs every library, installs the tarballs into a fresh Nest
// application outside the workspace, compiles it strictly, runs it, speaks to it and stops it.
//
// Every step is one test of the closing line; what a failed step prevented is counted as skipped.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './pack-test/app-process.js';
import { ask, openSocket, refusalOf } from './pack-test/socket.js';
import { run, runSteps } from './pack-test/steps.js';
import { signedToken } from './pack-test/token.js';

const workspace = join(import.meta.dirname, '..');
const libs = readdirSync(join(workspace, 'libs'));
const temporary = mkdtempSync(join(tmpdir(), 'holdfast-packages-'));
const tarballs = join(temporary, 'tarballs');
const appFolder = join(temporary, 'app');
const app = new AppProcess(appFolder);

/**
 * @type {{ devDependencies: Record<string, string>, dependencies: Record<string, string>, overrides: Record<string,
 * string> }}
 */
const root = JSON.parse(readFileSync(join(workspace, 'package.json'), 'utf8'));

/**
 * The versions the workspace itself is tested with.
 * @param {Record<string, string>} from
 * @param {RegExp} names
 */
const versions = (from, names) => Object.fromEntries(Object.entries(from).filter(([name]) => names.test(name)));

async function build() {
  // A file deleted from the sources must not survive in a tarball.
  for (const lib of libs) rmSync(join(workspace, 'libs', lib, 'dist'), { recursive: true, force: true });
  await run(workspace, process.execPath, 'node_modules/typescript/bin/tsc', '-b', ...libs.map((lib) => `libs/${lib}`));
  await run(workspace, process.execPath, 'tools/bundle-client.js');
}

async function pack() {
  mkdirSync(tarballs);
  const output = await run(workspace, 'npm', 'pack', '--workspaces', '--json', '--pack-destination', tarballs);
  /** @type {{ name: string, files: { path: string }[] }[]} */
  const packed = Object.values(JSON.parse(output));
  assert.equal(packed.length, libs.length);
  for (const { name, files } of packed) {
    const paths = files.map((file) => file.path);
    for (const needed of ['dist/index.js', 'dist/index.d.ts', 'src/index.ts', 'README.md', 'LICENSE'])
      assert.ok(paths.includes(needed), `${name} lacks ${needed}`);
    const isClient = name === '@holdfast/client';
    if (isClient) assert.ok(paths.includes('dist/holdfast-client.min.js'), `${name} lacks the file for pages`);
    const stray = paths.filter((path) => /tsbuildinfo|[.]spec[.]|^test\//.test(path));
    assert.deepEqual(stray, [], `${name} carries files that are not for its users`);
  }
}

async function install() {
  cpSync(join(workspace, 'tools/pack-test/app'), join(appFolder, 'src'), { recursive: true });
  const files = readdirSync(tarballs).map((file) => [
    `@${file.replace('-', '/').replace(/-\d.*$/, '')}`,
    `file:../tarballs/${file}`,
  ]);
  const manifest = {
    name: 'fresh-app',
    private: true,
    type: 'module',
    dependencies: {
      ...Object.fromEntries(files),
      ...versions(
        root.dependencies,
        /^@nestjs\/(common|core|platform-express|platform-ws|websockets)$|^class-|^reflect-metadata$|^rxjs$/,
      ),
    },
    devDependencies: versions(root.devDependencies, /^typescript$|^@types\/(node|ws)$|^ws$/),
    overrides: { 'file-type': root.overrides['file-type'] },
  };
  const compilerOptions = {
    ...{ target: 'ES2023', module: 'nodenext', rootDir: 'src', outDir: 'dist', types: ['node'], strict: true },
    ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
    // The declarations of the packages are under test too.
    skipLibCheck: false,
  };
  writeFileSync(join(appFolder, 'package.json'), JSON.stringify(manifest, null, 2));
  writeFileSync(join(appFolder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }, null, 2));
  await run(appFolder, 'npm', 'install', '--no-audit', '--no-fund');
}

async function compileCommonJs() {
  const folder = join(appFolder, 'commonjs');
  mkdirSync(folder);
  const source = [
    "import { createClient } from '@holdfast/client';",
    "import { HoldfastModule } from '@holdfast/gateway';",
    "import { CloseCode } from '@holdfast/protocol';",
    "const client = createClient('ws://127.0.0.1/', { WebSocket: class {} as unknown as typeof WebSocket });",
    'console.log(client.state, typeof HoldfastModule.forRoot, CloseCode.NORMAL);',
  ];
  writeFileSync(join(folder, 'main.ts'), source.join('\n'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'commonjs' }));
  const compilerOptions = {
    ...{ target: 'ES2023', module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0', strict: true },
    // The declarations of other packages need newer resolution.
    ...{ skipLibCheck: true, types: ['node'], lib: ['ES2023', 'DOM'], rootDir: '.', outDir: 'dist' },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['main.ts'] }));
  await run(appFolder, process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'commonjs');
  const output = await run(appFolder, process.execPath, 'commonjs/dist/main.js');
  assert.equal(output.trim(), 'idle function 1000');
}

/** Other package managers arrange a fresh application by rules of their own. */
const installers = {
  pnpm: ['pnpm@10', 'install', '--no-frozen-lockfile', '--config.confirmModulesPurge=false'],
  yarn: ['yarn@1', 'install', '--non-interactive', '--no-progress'],
};

/** @param {keyof typeof installers} installer */
async function installBy(installer) {
  const folder = join(temporary, installer);
  mkdirSync(folder);
  const manifest = JSON.parse(readFileSync(join(appFolder, 'package.json'), 'utf8'));
  const own = Object.entries(manifest.dependencies).filter(([name]) => name.startsWith('@holdfast/'));
  // The tarballs name each other by version, and no registry has them.
  const resolutions = { ...manifest.overrides, ...Object.fromEntries(own) };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ ...manifest, pnpm: { overrides: resolutions }, resolutions }),
  );
  await run(folder, 'npx', '--yes', ...installers[installer]);
  const load = ['protocol', 'client', 'gateway'].map((entry) => `await import('@holdfast/${entry}');`).join('');
  await run(folder, process.execPath, '--input-type=module', '-e', load);
}

const steps = {
  'the libraries build from nothing': build,
  'every library packs to a tarball with what it needs and nothing else': pack,
  'the tarballs install into a fresh Nest application': install,
  'the application compiles against their declarations, library check on': () =>
    run(appFolder, process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.'),
  'a CommonJS application compiles against them, by the old resolution, and runs': compileCommonJs,
  'every package loads in plain Node': () =>
    run(
      appFolder,
      process.execPath,
      '--input-type=module',
      '-e',
      [...libs, 'client/bundle'].map((entry) => `await import('@holdfast/${entry}');`).join(''),
    ),
  'the application boots': () => app.start(),
  'it answers over HTTP': async () => {
    const response = await fetch(app.url('http', '/hello'));
    assert.deepEqual(await response.json(), { hello: 'world' });
  },
  'it replies over a WebSocket': async () => {
    const socket = await openSocket(app.url('ws', '/chat'));
    const echo = await ask(socket, { event: 'echo', id: 1, data: 'hi' });
    assert.deepEqual(echo, { event: '$reply', id: 1, data: 'hi' });
    const count = await ask(socket, { event: 'count', id: 2 });
    assert.deepEqual(count, { event: '$reply', id: 2, data: 1 });
    socket.close();
  },
  'AuthGuard refuses a stranger before the upgrade': async () => {
    assert.equal(await refusalOf(app.url('ws', '/vault')), 401);
  },
  'AuthGuard admits the holder of a token': async () => {
    const token = signedToken('a secret of the packed-tarball test alone', { sub: 'tester' });
    const socket = await openSocket(app.url('ws', '/vault'), { authorization: `Bearer ${token}` });
    const opened = await ask(socket, { event: 'open', id: 1 });
    assert.deepEqual(opened, { event: '$reply', id: 1, data: 'opened' });
    socket.close();
  },
  'the client gets a typed reply, and is told why it is refused': async () => {
    const output = await run(appFolder, process.execPath, 'dist/client.js', app.url('ws', ''));
    assert.deepEqual(output.trim().split('\n'), ['replied hi', 'failed UNAUTHORIZED']);
  },
  'the tarballs install with pnpm, and load': () => installBy('pnpm'),
  'the tarballs install with yarn, and load': () => installBy('yarn'),
  'SIGTERM ends it in order, with a client connected': async () => {
    await openSocket(app.url('ws', '/chat'));
    await app.stop();
  },
};

try {
  await runSteps(steps);
} finally {
  app.kill();
  rmSync(temporary, { recursive: true, force: true });
}
