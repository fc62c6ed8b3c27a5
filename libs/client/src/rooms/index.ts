export { Room, type RoomEvents } from './room.js';
export { rooms } from './rooms.js';
export {
  type OwnRoomEvents,
  type RoomPlace,
  type RoomPosition,
  type RoomPublication,
  type RoomState,
} from './room-state.js';
