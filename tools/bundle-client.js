// Makes the one file that a page loads without a bundler: the client and what it needs of the protocol, minified.
// Needs a build of both. With --watch it goes on, and makes the file anew after every build.
import { build, watch } from 'rolldown';

/** @type {import('rolldown').RolldownOptions & { output: import('rolldown').OutputOptions }} */
const options = {
  input: 'libs/client/dist/index.js',
  platform: 'browser',
  // Comments that are left by then are for bundlers.
  output: { file: 'libs/client/dist/holdfast-client.min.js', format: 'esm', minify: true, comments: false },
};

if (process.argv.includes('--watch')) {
  watch(options).on('event', (event) => {
    if (event.code === 'ERROR') console.error(event.error);
  });
} else {
  await build(options);
}
