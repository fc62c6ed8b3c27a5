/** Hundreds of keys. More is no key set, and would be held in memory two or three times over while it is parsed. */
const maxJwksBytes = 262_144;

/** What `auth.jwksUrl` names answers with more than a key set can be. */
class JwksTooLargeError extends Error {
  override readonly name = 'JwksTooLargeError';
  readonly code = 'JWKS_TOO_LARGE';

  constructor() {
    super(`The answer is larger than the ${maxJwksBytes.toLocaleString('en')} bytes that a key set may have`);
  }
}

/**
 * `fetch` for key sets: a body is read, and unfolded if it is compressed, up to 256 KiB. The signal bounds the time
 * that this takes, and not only the time until the headers.
 *
 * @throws JwksTooLargeError
 */
export async function fetchJwks(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status === 200) return new Response(await bodyOf(response));
  // Nobody reads what comes with an error, and an unread body holds its connection.
  await response.body?.cancel();
  return response;
}

async function bodyOf({ body }: Response): Promise<string> {
  // Bodies are bytes (Fetch standard); the types that come with Node say any.
  const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = body ?? [];
  const read: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream, and with it the transfer.
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxJwksBytes) throw new JwksTooLargeError();
    read.push(chunk);
  }
  return Buffer.concat(read).toString();
}
