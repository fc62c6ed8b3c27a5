export { type Envelope } from './envelope.js';
export { exceedsMembers } from './member-count.js';
export { exceedsDepth } from './nesting.js';
export {
  decode,
  type DecodeLimits,
  type DecodeResult,
  defaultDecodeLimits,
  encode,
  type EncodeResult,
  type FrameError,
} from './codec.js';
export {
  type DrainData,
  type ErrorData,
  type HelloData,
  isReserved,
  type JoinData,
  type JoinedData,
  type LeaveData,
  type LeftData,
  maxNumber,
  maxTokenLength,
  maxWaitMs,
  type PingData,
  type PongData,
  type PresentedPosition,
  type PublishData,
  type RefreshData,
  type RefreshedData,
  type RefreshRequestData,
  ReservedEvent,
  type RoomPositionData,
  type ServerPingData,
  type SessionData,
  type SkipData,
  type WelcomeData,
} from './reserved.js';
export { type ParseResult } from './members.js';
export { parseJoin, parseLeave, parsePublish } from './parse-rooms.js';
export { parseHello, parsePing, parsePong, parseRefresh } from './parse.js';
export { parseDrain, parseError, parseRefreshRequest, parseServerPing, parseWelcome } from './parse-server.js';
export { BEARER_SUBPROTOCOL_PREFIX, PLAIN_SUBPROTOCOL, SDK_SUBPROTOCOL_JSON } from './subprotocol.js';
export { CloseCode, type CloseCodeEntry, closeCodes, retiredCloseCodes } from './close-codes.js';
export { type RetryRule, retryRule } from './retry-rule.js';
export { type ErrorCode, type ErrorCodeEntry, errorCodes, retiredErrorCodes } from './error-codes.js';
