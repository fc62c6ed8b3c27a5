import type { IncomingHttpHeaders } from 'node:http';

/**
 * What is known of a connection from its upgrade request. Frozen; lives as long as the connection.
 *
 * @publicApi
 */
export interface Handshake {
  /** Path as the gateway declared it, for example `/rooms/:room`. */
  readonly route: string;
  /** Path of the request without query string. */
  readonly path: string;
  /** Values of the route's `:param` segments, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Query string without any token that was taken from it; a copy of one's own each time. */
  readonly query: URLSearchParams;
  /**
   * Request headers, lower-cased names, without those that only made the upgrade (`Sec-WebSocket-Key` and the like).
   * Once the connection is open they are a copy made anew each time, of no more than
   * {@link AdmissionOptions.headerBytes}: take what handlers often need into `connection.data`, in a connection hook.
   */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Address of the client; behind trusted proxies the one they vouch for. */
  readonly ip: string;
  /** `Origin` header; undefined for clients that are not browsers. */
  readonly origin: string | undefined;
  /** True when the client reached us, or the trusted proxy in front, by TLS. */
  readonly secure: boolean;
  /** The subprotocol that was agreed, or an empty string. */
  readonly subprotocol: string;
  /** `plain` speaks Nest's `{event, data}`; `sdk` speaks `holdfast.v1.<codec>` (PROTOCOL.md). */
  readonly mode: 'plain' | 'sdk';
}
