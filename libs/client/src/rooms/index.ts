export { Room, type RoomEvents } from './room.js';
export { rooms, type RoomsOptions } from './rooms.js';
export type { ClientSession, SessionStorage, StoredRoom } from './session.js';
export {
  type OwnRoomEvents,
  type RoomPlace,
  type RoomPosition,
  type RoomPublication,
  type RoomState,
} from './room-state.js';
