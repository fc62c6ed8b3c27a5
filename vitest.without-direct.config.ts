// All tests, with a stub in place of the fast path of the gateway: `npm run test:without-direct`.
process.env['WITHOUT_DIRECT'] = 'true';

const { default: config } = await import('./vitest.config.js');
export default config;
