// For the sibling packages of Holdfast alone: anything here may change or go in any release.
export type { RoomLog } from './memory/room-log.js';
