/* global TextDecoder, atob, document */
import { startChat } from './chat.js';
import { Connections } from './connections.js';
import { byId } from './element.js';
import { logEvent, toast } from './events.js';
import { PlainSocket } from './socket.js';

const post = (url, body, headers = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Where tokens come from: the demo endpoint, or, where there is none, the field that then appears. */
async function getToken(name) {
  const given = byId('token').value.trim();
  if (given) return given;
  const response = await post('/demo/token', { name });
  if (response.status === 404) {
    byId('token-field').hidden = false;
    byId('token').required = true;
    byId('token').focus();
    throw new Error('Please paste a token.');
  }
  const body = await response.json();
  if (!response.ok) throw new Error([body.message].flat().join(', '));
  return body.token;
}

/** For showing only: the server believes nothing but the signature. */
function subjectOf(token) {
  try {
    const payload = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (char) => char.charCodeAt(0)))).sub;
  } catch {
    throw new Error('That is not a JSON Web Token.');
  }
}

const pill = byId('state');

function showState(path, { state, code, reason, delayMs }) {
  const ending = code === undefined ? '' : `${code}${reason ? ` ${reason}` : ''}`;
  if (state === 'open') logEvent(`${path} open`, 'good');
  if (state === 'waiting') logEvent(`${path} closed ${ending}, back in ${(delayMs / 1_000).toFixed(1)} s`, 'warn');
  if (state === 'ended') logEvent(`${path} closed ${ending}, not coming back`, 'bad');
  if (path !== '/chat') return;
  const words = {
    connecting: 'connecting …',
    open: 'connected',
    waiting: `reconnecting (${code})`,
    ended: `disconnected (${code})`,
  };
  pill.dataset.state = state;
  pill.textContent = words[state];
}

function open(path, token) {
  const socket = new PlainSocket(path, token);
  socket.addEventListener('state', ({ detail }) => showState(path, detail));
  socket.addEventListener('$error', ({ detail }) => logEvent(`${path} ${detail.code}: ${detail.message}`, 'bad'));
  showState(path, { state: 'connecting' });
  return socket;
}

function start(name, room) {
  const token = () => getToken(name);
  const onProblem = ({ code, message }) => logEvent(`${code}: ${message}`, 'bad');
  const wave = async (who) => {
    const headers = { Authorization: `Bearer ${await token()}` };
    const response = await post(`/notifications/${encodeURIComponent(who)}`, { text: 'waves at you' }, headers);
    const { delivered = 0 } = await response.json();
    logEvent(`POST /notifications/${who} ${response.status}, delivered to ${delivered}`);
  };
  const table = new Connections({
    name,
    onWave: (who) => void wave(who),
    onRoundTrip: (roundTrip) => {
      if (pill.dataset.state === 'open') pill.textContent = `connected · ${roundTrip}`;
    },
  });

  startChat(open('/chat', token), {
    name,
    room,
    onProblem,
    onJoined: ({ connection, people }) => {
      table.ownId = connection;
      logEvent(`joined #${room}, ${people} here`);
    },
  });

  const dashboard = open('/dashboard', token);
  dashboard.addEventListener('open', () => dashboard.stream('watch', undefined, (view) => table.show(view)));

  const notifications = open('/notifications', token);
  notifications.addEventListener('notification', ({ detail }) => {
    toast(`${detail.from} ${detail.text}`);
    logEvent(`notification: ${detail.from} ${detail.text}`, 'good');
  });
}

byId('join-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const problem = byId('join-problem');
  problem.textContent = '';
  try {
    const name = subjectOf(await getToken(byId('name').value.trim()));
    byId('join').hidden = true;
    byId('board').hidden = false;
    document.title = `${name} · Holdfast`;
    start(name, byId('room').value);
  } catch (error) {
    problem.textContent = error.message;
  }
});
