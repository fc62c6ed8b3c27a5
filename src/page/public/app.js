/* global TextDecoder, atob, document */
import { byId } from './element.js';
import { Session } from './session.js';

/** What the demo endpoint gives to everybody who asks; undefined where there is no such endpoint. */
async function demoToken(name) {
  const response = await fetch('/demo/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (response.status === 404) return undefined;
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
    // Whatever it is, the server says what it thinks of it.
    return undefined;
  }
}

let session;

function join(name, room, token) {
  byId('join').hidden = true;
  byId('board').hidden = false;
  document.title = `${name} · Holdfast`;
  session = new Session({ name, room, token, onOtherToken: () => leave(typeof token === 'string') });
}

/** Back to the form, to whatever has to be another one. */
function leave(hadToken) {
  session.leave();
  byId('board').hidden = true;
  byId('join').hidden = false;
  byId(hadToken ? 'token' : 'name').select();
}

byId('join-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const problem = byId('join-problem');
  problem.textContent = '';
  const name = byId('name').value.trim();
  const room = byId('room').value;
  const given = byId('token').value.trim();
  if (given) {
    join(subjectOf(given) ?? name, room, given);
    return;
  }
  try {
    // The first one shows whether the name is allowed. Later ones are new: a server that was restarted knows no older
    // one.
    if ((await demoToken(name)) !== undefined) {
      join(name, room, () => demoToken(name));
      return;
    }
    byId('token-field').open = true;
    byId('token').required = true;
    byId('token').focus();
    problem.textContent = 'This server gives no demo tokens. Please paste one of its issuer.';
  } catch (error) {
    problem.textContent = error.message;
  }
});
