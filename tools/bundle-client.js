// Makes the one file that a page loads without a bundler: the client and what it needs of the protocol, minified.
// Needs a build of both. With --watch it goes on, and makes the file anew after every build.
import { renameSync } from 'node:fs';
import { build, watch } from 'rolldown';

const file = 'libs/client/dist/holdfast-client.min.js';
const isWatching = process.argv.includes('--watch');
// A page or a test that reads the file meanwhile must not find half of it.
const unfinished = `${file}.${process.pid}`;

/** @type {import('rolldown').RolldownOptions & { output: import('rolldown').OutputOptions }} */
const options = {
  input: 'libs/client/dist/index.js',
  platform: 'browser',
  // Comments that are left by then are for bundlers.
  output: { file: isWatching ? file : unfinished, format: 'esm', minify: true, comments: false },
};

if (isWatching) {
  watch(options).on('event', (event) => {
    if (event.code === 'ERROR') console.error(event.error);
  });
} else {
  await build(options);
  renameSync(unfinished, file);
}
