import { parseError } from '@holdfast/protocol';
import { errorOf, type HoldfastError } from './errors.js';
import type { WebSocketLike } from './ports.js';

/**
 * Tells why a handshake was refused, where the platform shows it: `ws` does, browsers do not.
 *
 * @param refused - told once; `error` is what the gateway answered (PROTOCOL.md 2.2), undefined for other answers.
 */
export function onHttpRefusal(
  socket: WebSocketLike,
  refused: (reason: string, error: HoldfastError | undefined) => void,
): void {
  socket.on?.('unexpected-response', (_request, response) => {
    // The answer of a gateway comes in one piece; the error page of a proxy need not be read to its end.
    response.once('readable', () => refused(`HTTP ${response.statusCode}`, errorIn(String(response.read()))));
  });
}

function errorIn(body: string): HoldfastError | undefined {
  try {
    // Safe: `error` is checked, and what has no members throws.
    const { error } = JSON.parse(body) as { error?: unknown };
    return parseError(error).ok ? errorOf(error) : undefined;
  } catch {
    return undefined;
  }
}
