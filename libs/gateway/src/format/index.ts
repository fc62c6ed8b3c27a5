export { jsonParser, type MessageParser, NestFormat } from './nest-format.js';
export { RAW_EVENT, RawFormat } from './raw-format.js';
export type { WireFormat, WireMessage } from './wire-format.js';
