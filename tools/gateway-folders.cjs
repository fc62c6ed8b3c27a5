/**
 * Who may import whom inside the gateway, from the ground up. `npm run check:imports` holds it, and
 * docs/architecture.md draws it. `module` puts all of them together.
 */
const mayImport = {
  ground: [],
  errors: [],
  outbox: ['ground'],
  intake: ['ground'],
  nest: ['errors'],
  format: ['errors'],
  connection: ['ground', 'errors', 'outbox', 'intake', 'format'],
  telemetry: ['connection', 'nest', 'ground'],
  'rate-limit': ['connection', 'telemetry', 'nest', 'errors', 'ground'],
  dispatch: ['connection', 'format', 'rate-limit', 'telemetry', 'nest', 'errors', 'ground'],
  auth: ['connection', 'dispatch', 'telemetry', 'nest', 'errors', 'ground'],
  heartbeat: ['connection', 'dispatch', 'telemetry', 'ground'],
  direct: ['dispatch', 'connection', 'nest', 'ground'],
  admission: ['auth', 'rate-limit', 'telemetry', 'connection', 'intake', 'nest', 'errors', 'ground'],
  gateways: [
    ...[
      'admission',
      'direct',
      'dispatch',
      'auth',
      'rate-limit',
      'connection',
      'format',
      'intake',
      'nest',
      'errors',
      'ground',
    ],
  ],
  nodes: ['connection', 'errors', 'ground'],
  rooms: [
    'nodes',
    'gateways',
    'admission',
    'dispatch',
    'connection',
    'format',
    'telemetry',
    'nest',
    'errors',
    'ground',
  ],
  lifecycle: ['gateways', 'admission', 'dispatch', 'connection', 'telemetry', 'nest', 'errors', 'ground'],
  session: ['rooms', 'nodes', 'lifecycle', 'connection', 'telemetry', 'errors', 'ground'],
  drain: ['nodes', 'lifecycle', 'gateways', 'admission', 'connection', 'telemetry', 'ground'],
};

module.exports = { ...mayImport, module: Object.keys(mayImport) };
