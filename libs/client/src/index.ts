export { type BackoffOptions } from './backoff.js';
export { createClient, type HoldfastClient } from './client.js';
export { type ClientErrorCode, HoldfastError } from './errors.js';
export {
  type AnyEvents,
  type ClientEvent,
  type ClientEvents,
  type EventMap,
  type Listener,
  type ServerEvent,
} from './events.js';
export { type Cause, type ConnectionState, type StateChange } from './state.js';
export { type ClientOptions, type OutboxOptions } from './options.js';
export { type RequestOptions } from './pending-request.js';
export {
  type ClientPorts,
  type Clock,
  type HttpResponseLike,
  type Random,
  type Surroundings,
  type WebSocketConstructor,
  type WebSocketLike,
} from './ports.js';
export { type RoomsApi } from './rooms/rooms-api.js';
export { type RoomsModule } from './rooms-port.js';
export { type TokenProvider } from './token.js';
