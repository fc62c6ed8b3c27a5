export { EngineHealth } from './engine-health.js';
export { NodeCommands } from './node-commands.js';
export { NodeHeartbeat } from './node-heartbeat.js';
export { Nodes, type NodesOptions, type NodesResult } from './nodes.service.js';
