// Who may import whom. A package that is not listed may import no other one.
const mayImport = {
  protocol: [],
  backplane: ['protocol'],
  client: ['protocol'],
  gateway: ['protocol', 'backplane'],
  redis: ['protocol', 'backplane'],
  nats: ['protocol', 'backplane'],
  testing: ['protocol', 'backplane', 'client', 'gateway', 'redis', 'nats'],
};

// These run in browsers too: no Node built-ins, and nothing from npm.
const dependencyFree = ['protocol', 'backplane', 'client'];

const gatewayFolders = require('./tools/gateway-folders.cjs');
const { readdirSync } = require('node:fs');
const packages = readdirSync('libs');

const layers = packages.map((name) => ({
  name: `layers-${name}`,
  comment: `${name} may import: ${(mayImport[name] ?? []).join(', ') || 'no other package'}`,
  severity: 'error',
  from: { path: `^libs/${name}/src/` },
  to: { path: '^libs/', pathNot: `^libs/(${[name, ...(mayImport[name] ?? [])].join('|')})/` },
}));

const purity = dependencyFree.map((name) => ({
  name: `no-dependency-${name}`,
  comment: `${name} uses no Node built-in and no npm package, so that it runs in every browser`,
  severity: 'error',
  from: { path: `^libs/${name}/src/` },
  to: { pathNot: '^libs/' },
}));

const byNameOnly = packages.map((name) => ({
  name: `by-name-only-${name}`,
  comment: 'another package is imported by its name: a relative path would escape the published package',
  severity: 'error',
  from: { pathNot: `^libs/${name}/` },
  to: { path: `^libs/${name}/`, dependencyTypes: ['local'], dependencyTypesNot: ['aliased-workspace'] },
}));

const folderTable = Object.entries(gatewayFolders).map(([folder, others]) => ({
  name: `folder-table-${folder}`,
  comment: `in the gateway, ${folder} may import: ${others.join(', ') || 'no other folder'}`,
  severity: 'error',
  from: { path: `^libs/gateway/src/${folder}/` },
  to: { path: '^libs/gateway/src/', pathNot: `^libs/gateway/src/(${[folder, ...others].join('|')})/` },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'modules that refer to each other, be it by a type, can only be understood and changed together',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...folderTable,
    {
      name: 'folder-known',
      comment: 'a folder of the gateway stands in tools/gateway-folders.cjs, which says what it may import',
      severity: 'error',
      from: {},
      to: {
        path: '^libs/gateway/src/[^/]+/',
        pathNot: `^libs/gateway/src/(${Object.keys(gatewayFolders).join('|')})/`,
      },
    },
    {
      name: 'folder-face',
      comment: 'another folder of the gateway is entered through its index.ts',
      severity: 'error',
      from: { path: '^libs/gateway/src/([^/]+)/' },
      to: {
        path: '^libs/gateway/src/[^/]+/',
        pathNot: ['^libs/gateway/src/$1/', '^libs/gateway/src/[^/]+/index[.]ts$'],
      },
    },
    ...layers,
    ...purity,
    ...byNameOnly,
    {
      name: 'no-deep-import',
      comment: 'a package is entered through index.ts, by a sibling library also through internal.ts',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/', pathNot: ['^libs/$1/', '^libs/[^/]+/src/(index|internal)[.]ts$'] },
    },
    {
      name: 'no-internal-import',
      comment: 'outside libs only the published face of a package exists',
      severity: 'error',
      from: { pathNot: '^libs/' },
      to: { path: '^libs/', pathNot: '^libs/([^/]+/src|client/src/rooms|redis/src/(ioredis|node-redis))/index[.]ts$' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(src|libs/[^/]+/src)/', pathNot: '^libs/testing/' },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'shipped-code-stays-shipped',
      comment: 'what is published or deployed contains neither tests nor workspace tools',
      severity: 'error',
      from: { path: '^(src|libs/[^/]+/src)/' },
      to: { path: '^(test|tools|bench|libs/[^/]+/test)/' },
    },
    {
      name: 'libraries-know-no-application',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^src/' },
    },
    {
      name: 'declared-dependencies',
      comment: 'shipped code imports only what its own package.json lists outside devDependencies',
      severity: 'error',
      from: { path: '^(src|libs/[^/]+/src)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^/holdfast-client[.]js$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      conditionNames: ['@holdfast/source', 'import', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};
