/**
 * Offered by SDK clients and selected by the server: SDK mode with the JSON codec (PROTOCOL.md 2.4).
 *
 * @publicApi
 */
export const SDK_SUBPROTOCOL_JSON = 'holdfast.v1.json';

/**
 * Asks for plain mode by name, for clients whose library insists on a selected subprotocol (PROTOCOL.md 2.4).
 *
 * @publicApi
 */
export const PLAIN_SUBPROTOCOL = 'holdfast.plain';

/**
 * An offered subprotocol that begins so carries a token, which the server never selects or echoes (PROTOCOL.md 2.5).
 *
 * @publicApi
 */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.';
