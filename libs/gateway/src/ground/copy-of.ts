/**
 * A text that shares no memory with others. A part of a text points into the whole, and what was put together points to
 * its parts, so that few characters can hold many for as long as they are remembered.
 *
 * @param text - Latin-1, as everything is that HTTP/1.1 gives.
 */
export function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
