export type { RoomTally } from './connection-rooms.js';
export { RoomFrames } from './room-frames.js';
export { roomLimitDefaults, type RoomLimits } from './room-limits.js';
export { RoomMemberships } from './room-memberships.js';
export { RoomLimitOptions, RoomPolicyOptions } from './room-options.js';
export { RoomPolicies, roomProblems } from './room-policies.js';
export { RoomPublishing } from './room-publishing.js';
export { Rooms } from './rooms.service.js';
export type { ReturningRoom, RoomMemory } from './room-memory.js';
