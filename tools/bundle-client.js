// Makes the files that a page loads without a bundler: the client and what it needs of the protocol, minified, without
// and with rooms. Needs a build of both. With --watch it goes on, and makes the files anew after every build.
import { renameSync } from 'node:fs';
import { build, watch } from 'rolldown';

const isWatching = process.argv.includes('--watch');
/** By entry. */
const bundles = { index: 'holdfast-client', 'with-rooms': 'holdfast-client-rooms' };

for (const [entry, name] of Object.entries(bundles)) {
  const file = `libs/client/dist/${name}.min.js`;
  // A page or a test that reads the file meanwhile must not find half of it.
  const unfinished = `${file}.${process.pid}`;
  /** @type {import('rolldown').RolldownOptions & { output: import('rolldown').OutputOptions }} */
  const options = {
    input: `libs/client/dist/${entry}.js`,
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
}
