// Makes the one file that a page loads without a bundler: the client and what it needs of the protocol, minified.
// Needs a build of both.
import { rolldown } from 'rolldown';

const bundle = await rolldown({ input: 'libs/client/dist/index.js', platform: 'browser' });
await bundle.write({ file: 'libs/client/dist/holdfast-client.min.js', format: 'esm', minify: true });
await bundle.close();
