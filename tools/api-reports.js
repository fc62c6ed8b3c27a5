// What each package offers, as a file that is read in reviews: `npm run api` writes `libs/*/*.api.md`, and `npm run
// check:api` fails when one of them is not what the sources say, or when published types mention what is not published.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const root = join(import.meta.dirname, '..');
const mayWrite = process.argv.includes('--write');
/** @type {Record<string, [packageName: string, entry: string]>} By report. */
const reports = {
  protocol: ['protocol', 'index'],
  backplane: ['backplane', 'index'],
  client: ['client', 'index'],
  'client-rooms': ['client', 'rooms/index'],
  gateway: ['gateway', 'index'],
  redis: ['redis', 'index'],
  'redis-ioredis': ['redis', 'ioredis/index'],
  'redis-node-redis': ['redis', 'node-redis/index'],
  testing: ['testing', 'index'],
};
let isRight = true;

for (const [name, [packageName, entry]] of Object.entries(reports)) {
  const folder = join(root, 'libs', packageName);
  const config = ExtractorConfig.prepare({
    configObjectFullPath: join(folder, 'api-extractor.json'),
    packageJsonFullPath: join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: `<projectFolder>/dist/${entry}.d.ts`,
      compiler: {
        overrideTsconfig: {
          extends: '../../tsconfig.base.json',
          compilerOptions: { composite: false, customConditions: [] },
          files: [`dist/${entry}.d.ts`],
        },
      },
      apiReport: {
        enabled: true,
        reportFolder: '<projectFolder>',
        reportTempFolder: '<projectFolder>/dist/api',
        reportFileName: `${name}.api.md`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Warning } },
        // How comments are written is a matter of lint, and `@publicApi` says what TSDoc has `@public` for.
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          'ae-unresolved-link': { logLevel: ExtractorLogLevel.None },
          'ae-undocumented': { logLevel: ExtractorLogLevel.None },
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
      },
    },
  });
  const result = Extractor.invoke(config, {
    localBuild: mayWrite,
    messageCallback: (message) => {
      if (message.messageId === 'console-api-report-copied') message.logLevel = ExtractorLogLevel.None;
    },
  });
  if (!result.succeeded || !existsSync(config.reportFilePath)) isRight = false;
}

if (!isRight) {
  console.error(
    '\nThe published surface of a package has changed: run `npm run api`, and look at what it has written.',
  );
  process.exitCode = 1;
}
