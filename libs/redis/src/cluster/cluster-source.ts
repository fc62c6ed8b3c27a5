import type { ServerLink } from '../server-link.js';

/** What a client library has to offer for a cluster: where it is and how to sign in. The rest is done here. */
export interface ClusterSource {
  /**
   * Asks the cluster, by whichever of these servers answers.
   *
   * @param addresses - empty: those that the application has named
   * @returns for each slot the address of its master, as `host:port`; undefined: nobody serves it
   * @throws LinkError
   */
  masters(addresses: readonly string[], deadlineMs: number): Promise<readonly (string | undefined)[]>;
  /** The address of a server for this client, where the cluster has told another one. */
  addressOf(told: string): string;
  /** To one server of the cluster; not yet connected. */
  connect(address: string): ServerLink;
}

/** @returns host and port of `host:port`, where the host may be an IPv6 address. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
