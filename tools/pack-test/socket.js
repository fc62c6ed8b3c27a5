import { once } from 'node:events';
import WebSocket from 'ws';

// Generous: what is measured here is whether an answer comes, not how fast.
const answerInTime = () => ({ signal: AbortSignal.timeout(10_000) });

/**
 * @param {string} url
 * @param {Record<string, string>} [headers]
 */
export async function openSocket(url, headers = {}) {
  const socket = new WebSocket(url, { headers });
  await once(socket, 'open', answerInTime());
  return socket;
}

/**
 * @param {WebSocket} socket
 * @param {object} frame
 * @returns {Promise<unknown>} the next frame that comes back
 */
export async function ask(socket, frame) {
  const answer = once(socket, 'message', answerInTime());
  socket.send(JSON.stringify(frame));
  const [data] = await answer;
  return JSON.parse(String(data));
}

/**
 * @param {string} url
 * @returns {Promise<number | undefined>} the HTTP status that refuses the upgrade
 */
export async function refusalOf(url) {
  const socket = new WebSocket(url);
  const [request, response] = await once(socket, 'unexpected-response', answerInTime());
  request.destroy();
  return response.statusCode;
}
