import { CloseCode, closeCodes } from '@holdfast/protocol';

/**
 * Why a connection ended, as this end knows it.
 *
 * @publicApi
 */
export interface DisconnectCause {
  /** WebSocket close code; 1006 when the connection broke without a close frame. */
  readonly code: number;
  /** Name of the code in the catalogue (PROTOCOL.md), or `APPLICATION`. */
  readonly name: string;
  /** Words that came with the code, ours or the peer's. May be empty. */
  readonly reason: string;
  /** Who ended it; `network` when neither end sent a close frame. */
  readonly initiator: 'server' | 'client' | 'network';
  /** System error of the socket, such as `ECONNRESET`, where there was one. */
  readonly socketError?: string;
}

const names = new Map(closeCodes.map(({ code, name }) => [code, name]));

export function describeCause(
  initiator: DisconnectCause['initiator'],
  code: number,
  reason = '',
  socketError?: string,
): DisconnectCause {
  const name = names.get(code) ?? 'APPLICATION';
  return Object.freeze({ code, name, reason, initiator, ...(socketError === undefined ? {} : { socketError }) });
}

/**
 * The peer has ended it.
 *
 * @param socketError - `ws` reports every lost socket as 1006; only the socket itself knows ECONNRESET from ETIMEDOUT.
 */
export function causeOfEnd(
  code: number,
  reason: string,
  socketError: NodeJS.ErrnoException | null | undefined,
): DisconnectCause {
  const initiator = code === CloseCode.ABNORMAL ? 'network' : 'client';
  return describeCause(initiator, code, reason, socketError?.code ?? socketError?.message);
}

/** It has ended before its upgrade, when there was nobody to send a close frame to. */
export function causeOfRefusal(hasLeft: boolean): DisconnectCause {
  return hasLeft
    ? describeCause('network', CloseCode.ABNORMAL, 'left during the handshake')
    : describeCause('server', CloseCode.ABNORMAL, 'refused at the handshake');
}
