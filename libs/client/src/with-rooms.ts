// The client and its rooms in one file, for pages without a bundler.
export * from './index.js';
export * from './rooms/index.js';
