export { beforeClose } from './before-close.js';
export { afterBootstrap } from './boot-watch.js';
export { Call, CONNECT_PATTERN, type MessageArguments, type NestCallback } from './call.js';
export { accountFor, isChosen, labelOf } from './error-account.js';
export {
  copyMetadata,
  CUSTOM_ROUTE_ARGS_METADATA,
  DEFAULT_PARAM_ARGS,
  EXCEPTION_FILTERS_METADATA,
  ExecutionContextHost,
  FORBIDDEN_MESSAGE,
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  isIntercepted,
  isTransformed,
  kindOf,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PARAM_ARGS_METADATA,
  PIPES_METADATA,
  PORT_METADATA,
  readMetadata,
  readValidationPipe,
  REQUEST_CONTEXT_ID,
  takesAcknowledgement,
  type ValidationPipeSettings,
  WsParam,
} from './internals.js';
export { catches, filtersOf, foreignFilters, OwnFilter } from './own-filters.js';
export { enhancerOf, type ProviderWrapper, singletonOf } from './provider-wrapper.js';
