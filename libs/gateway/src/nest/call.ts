/** The pattern that guards, interceptors and filters see during the handshake, see `WsArgumentsHost.getPattern()`. */
export const CONNECT_PATTERN = '$connect';
