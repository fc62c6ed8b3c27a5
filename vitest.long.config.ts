// Tests that take up to a minute each, with servers of their own: `npm run test:long`.
process.env['LONG_TESTS'] = 'true';

const { default: config } = await import('./vitest.config.js');
export default config;
